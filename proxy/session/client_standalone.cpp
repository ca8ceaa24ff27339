// A client's segment as a request that stands alone: pgweir may run it on a connection of its own.
#include "protocol/message.hpp"
#include "proxy/session/client_sink.hpp"

namespace pgweir::session {

namespace {

namespace frontend = protocol::frontend;

// One statement that is bound once and run to its end, under no name.
class Standalone {
  public:
    [[nodiscard]] bool parse(std::string_view name, std::string_view tail) {
        if (parsed_) return false;
        parsed_ = true;
        name_ = name;
        tail_ = tail;
        return true;
    }
    // The tail of the statement's Parse in this segment, or null.
    [[nodiscard]] const std::string_view* parsed(std::string_view name) const noexcept {
        return parsed_ && name_ == name ? &tail_ : nullptr;
    }
    [[nodiscard]] bool use(std::string_view tail) {
        if (out_.empty()) protocol::append_parse_tail(out_, "", tail);
        else if (used_ != tail) return false;
        used_ = tail;
        return true;
    }
    [[nodiscard]] bool bind(std::string_view portal, std::string_view rest) {
        if (bound_) return false;
        bound_ = true;
        portal_ = portal;
        out_.push_back('B');
        append_be32(out_, static_cast<std::uint32_t>(rest.size() + 6));
        out_.append(2, '\0').append(rest);
        return true;
    }
    [[nodiscard]] bool describe_statement() {
        protocol::append_describe(out_, 'S', "");
        return true;
    }
    [[nodiscard]] bool describe(std::string_view portal) {
        protocol::append_describe(out_, 'P', "");
        return bound_ && portal == portal_;
    }
    // `limit`: of rows; 0: none.
    [[nodiscard]] bool execute(std::string_view portal, std::uint32_t limit) {
        if (executed_ || !bound_ || portal != portal_ || limit != 0) return false;
        executed_ = true;
        out_ += std::string_view("E\0\0\0\x9\0\0\0\0\0", 10);
        return true;
    }
    [[nodiscard]] std::optional<std::string> sync() {
        if (!bound_ && !executed_) return std::nullopt;
        // A statement that is parsed for later has no place here.
        if (!executed_ || (parsed_ && used_ != tail_)) return std::string{};
        protocol::append_sync(out_);
        return std::move(out_);
    }

  private:
    std::string out_;
    std::string_view name_, tail_, used_, portal_;
    bool parsed_ = false;
    bool bound_ = false;
    bool executed_ = false;
};

}  // namespace

std::optional<std::string> ClientMachine::standalone(Bytes segment) const {
    Standalone alone;
    const auto use = [&](std::string_view name) {
        if (const std::string_view* tail = alone.parsed(name)) return alone.use(*tail);
        const StatementRef known = find_statement(name);
        return known && !is_local(*known) && alone.use(known->tail);
    };
    const auto take = [&](protocol::Tag tag, Bytes body) {
        const char what = tag == frontend::kDescribe || tag == frontend::kClose ? static_cast<char>(body[0]) : '\0';
        Bytes rest = what != '\0' ? body.subspan(1) : body;
        const std::string_view name = take_string(rest).value_or(std::string_view{});
        switch (tag) {
            case frontend::kParse: return alone.parse(name, as_text(rest));
            case frontend::kBind: {
                const std::string_view statement = take_string(rest).value_or(std::string_view{});
                return use(statement) && alone.bind(name, as_text(rest));
            }
            case frontend::kDescribe:
                return what == 'S' ? use(name) && alone.describe_statement() : alone.describe(name);
            case frontend::kExecute: return alone.execute(name, load_be32(rest));
            case frontend::kClose: return true;  // leaves nothing behind anyway
            default: return false;
        }
    };
    while (true) {
        const auto frame = protocol::peek_frame(segment, setup_.max_message);
        if (!frame || frame->size() > segment.size()) return std::string{};
        const Bytes body = segment.subspan(protocol::kHeaderSize, frame->body);
        if (!well_formed(frame->tag, body)) return std::string{};
        if (frame->tag == frontend::kQuery) {
            const bool only = frame->size() == segment.size();
            return only ? std::string(as_text(segment)) : std::string{};
        }
        if (frame->tag == frontend::kSync) return alone.sync();
        if (!take(frame->tag, body)) return std::string{};
        segment = segment.subspan(frame->size());
    }
}

}  // namespace pgweir::session
