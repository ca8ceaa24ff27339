#include "proxy/sql/judge.hpp"

namespace pgweir::sql {

bool Judge::allows(std::string_view name) const noexcept {
    if (catalog_ == nullptr) return functions_.contains(name);
    const Catalog::Verdict verdict = catalog_->function(name);
    if (verdict == Catalog::Verdict::unknown) return functions_.contains(name);
    if (functions_.removes(name)) return false;
    return verdict == Catalog::Verdict::safe || functions_.contains_added(name);
}

bool Judge::allows(std::string_view schema, std::string_view name) const noexcept {
    const Catalog::Verdict verdict =
        catalog_ == nullptr ? Catalog::Verdict::unknown : catalog_->function(schema, name);
    if (verdict == Catalog::Verdict::unknown) {
        return schema == "pg_catalog" ? functions_.contains(name) : functions_.contains_added(name);
    }
    if (functions_.removes(name)) return false;
    return verdict == Catalog::Verdict::safe || functions_.contains_added(name);
}

}  // namespace pgweir::sql
