#include "proxy/sql/catalog.hpp"

#include <algorithm>
#include <array>

#include "proxy/sql/identifier.hpp"

namespace pgweir::sql {

namespace {

constexpr std::string_view kOperatorsOfTheirOwn = "~!@#%^&|`?";

}  // namespace

Catalog::Verdict Catalog::verdict(const NameTable::Value* value) noexcept {
    if (value == nullptr) return Verdict::unknown;
    return *value != 0 ? Verdict::safe : Verdict::unsafe;
}

Catalog::Verdict Catalog::function(std::string_view schema, std::string_view name) const noexcept {
    std::array<char, 2 * Identifier::kLongest + 1> key;
    if (schema.size() > Identifier::kLongest || name.size() > Identifier::kLongest) return Verdict::unknown;
    char* end = std::copy(schema.begin(), schema.end(), key.begin());
    *end++ = '\0';
    end = std::copy(name.begin(), name.end(), end);
    return verdict(qualified_functions_.find({key.data(), static_cast<std::size_t>(end - key.data())}));
}

bool Catalog::may_be_unsafe(std::string_view written) const noexcept {
    if (written.empty()) return false;
    if (unsafe_with_quote_ || written.size() > Identifier::kLongest) return true;
    if (unsafe_beyond_ascii_ && beyond_ascii(written)) return true;
    return unsafe_.may_hold(lower(written.front()), written.size()) || unsafe_.may_hold(written.front(), written.size());
}

UnsafeName Catalog::unsafe_name(std::string_view written, bool quoted) const noexcept {
    if (unsafe_beyond_ascii_ && beyond_ascii(written)) return {kUnsafeView | kUnsafeVouched, Effect::taint};
    const Identifier name(written, quoted);
    const NameTable::Value* value = unsafe_.find(name.text());
    if (value == nullptr) return {};
    return {static_cast<std::uint8_t>(*value >> 32U), static_cast<Effect>(static_cast<std::uint32_t>(*value))};
}

// As the server takes a run of operator characters apart: + and - at its end are operators of their own, unless it holds a
// character that no operator of standard SQL has.
bool Catalog::has_unsafe_operator(std::string_view run) const noexcept {
    std::string_view head = run;
    if (run.find_first_of(kOperatorsOfTheirOwn) == std::string_view::npos) {
        while (head.size() > 1 && (head.back() == '+' || head.back() == '-')) {
            if (is_unsafe_operator(head.substr(head.size() - 1))) return true;
            head.remove_suffix(1);
        }
    }
    return is_unsafe_operator(head == "!=" ? std::string_view{"<>"} : head);
}

}  // namespace pgweir::sql
