#include "protocol/message.hpp"

namespace pgweir::protocol {

namespace {

// Opens a message at its construction, and writes its length when it is done.
class Frame {
  public:
    Frame(std::string& out, char tag) : out_(out) {
        out_.push_back(tag);
        start_ = out_.size();
        append_be32(out_, 0);
    }
    explicit Frame(std::string& out) : out_(out), start_(out.size()) { append_be32(out_, 0); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame() {
        const auto length = static_cast<std::uint32_t>(out_.size() - start_);
        std::string bytes;
        append_be32(bytes, length);
        out_.replace(start_, 4, bytes);
    }

    void string(std::string_view text) { out_.append(text.substr(0, text.find('\0'))).push_back('\0'); }
    void bytes(std::string_view data) { out_.append(data); }
    void byte(char value) { out_.push_back(value); }
    void be16(std::size_t value) { append_be16(out_, static_cast<std::uint16_t>(value)); }
    void be32(std::size_t value) { append_be32(out_, static_cast<std::uint32_t>(value)); }
    void field(char type, std::string_view value) {
        if (value.empty()) return;
        byte(type);
        string(value);
    }

  private:
    std::string& out_;
    std::size_t start_ = 0;
};

constexpr std::size_t kTextOid = 25;

void append_report(std::string& out, char tag, std::string_view severity, std::string_view code,
                   std::string_view message, std::string_view detail, std::string_view hint) {
    Frame frame(out, tag);
    frame.field('S', severity);
    frame.field('V', severity);
    frame.field('C', code);
    frame.field('M', message);
    frame.field('D', detail);
    frame.field('H', hint);
    frame.byte('\0');
}

}  // namespace

void append_error(std::string& out, std::string_view severity, std::string_view code, std::string_view message,
                  std::string_view detail, std::string_view hint) {
    append_report(out, 'E', severity, code, message, detail, hint);
}

void append_notice(std::string& out, std::string_view severity, std::string_view code, std::string_view message) {
    append_report(out, 'N', severity, code, message, {}, {});
}

void append_parameter_status(std::string& out, std::string_view name, std::string_view value) {
    Frame frame(out, 'S');
    frame.string(name);
    frame.string(value);
}

void append_backend_key_data(std::string& out, std::uint32_t pid, std::string_view secret) {
    Frame frame(out, 'K');
    frame.be32(pid);
    frame.bytes(secret);
}

void append_ready_for_query(std::string& out, char status) { Frame(out, 'Z').byte(status); }

void append_command_complete(std::string& out, std::string_view tag) { Frame(out, 'C').string(tag); }

void append_row_description(std::string& out, std::span<const std::string_view> columns) {
    Frame frame(out, 'T');
    frame.be16(columns.size());
    for (const std::string_view column : columns) {
        frame.string(column);
        frame.be32(0);  // not of a table
        frame.be16(0);  // nor a column of it
        frame.be32(kTextOid);
        frame.be16(0xffff);  // variable size
        frame.be32(0xffff'ffff);
        frame.be16(0);  // text format
    }
}

void append_data_row(std::string& out, std::span<const std::string_view> values) {
    Frame frame(out, 'D');
    frame.be16(values.size());
    for (const std::string_view value : values) {
        frame.be32(value.size());
        frame.bytes(value);
    }
}

void append_no_data(std::string& out) { const Frame frame(out, 'n'); }

void append_negotiate_protocol_version(std::string& out, std::uint32_t minor,
                                       std::span<const std::string> unknown_options) {
    Frame frame(out, 'v');
    frame.be32((3U << 16) | minor);
    frame.be32(unknown_options.size());
    for (const std::string& option : unknown_options) frame.string(option);
}

void append_query(std::string& out, std::string_view sql) { Frame(out, 'Q').string(sql); }

void append_parse_tail(std::string& out, std::string_view name, std::string_view tail) {
    Frame frame(out, 'P');
    frame.string(name);
    frame.bytes(tail);
}

void append_close(std::string& out, char what, std::string_view name) {
    Frame frame(out, 'C');
    frame.byte(what);
    frame.string(name);
}

void append_describe(std::string& out, char what, std::string_view name) {
    Frame frame(out, 'D');
    frame.byte(what);
    frame.string(name);
}

void append_sync(std::string& out) { const Frame frame(out, 'S'); }
void append_flush(std::string& out) { const Frame frame(out, 'H'); }
void append_terminate(std::string& out) { const Frame frame(out, 'X'); }
void append_copy_fail(std::string& out, std::string_view reason) { Frame(out, 'f').string(reason); }
void append_password(std::string& out, std::string_view password) { Frame(out, 'p').string(password); }

void append_sasl_initial_response(std::string& out, std::string_view mechanism, std::string_view data) {
    Frame frame(out, 'p');
    frame.string(mechanism);
    frame.be32(data.size());
    frame.bytes(data);
}

void append_sasl_response(std::string& out, std::string_view data) { Frame(out, 'p').bytes(data); }

void append_startup(std::string& out, std::uint32_t version,
                    std::span<const std::pair<std::string, std::string>> parameters) {
    Frame frame(out);
    frame.be32(version);
    for (const auto& [name, value] : parameters) {
        if (name.empty() || name.front() == '\0') continue;  // would end the list
        frame.string(name);
        frame.string(value);
    }
    frame.byte('\0');
}

void append_ssl_request(std::string& out) {
    Frame frame(out);
    frame.be32((1234U << 16) | 5679U);
}

void append_cancel_request(std::string& out, std::uint32_t pid, std::string_view secret) {
    Frame frame(out);
    frame.be32((1234U << 16) | 5678U);
    frame.be32(pid);
    frame.bytes(secret);
}

void append_authentication(std::string& out, std::uint32_t kind, std::string_view data) {
    Frame frame(out, 'R');
    frame.be32(kind);
    frame.bytes(data);
}

}  // namespace pgweir::protocol
