#include "protocol/message.hpp"

namespace pgweir::protocol {

namespace {

// Opens a message at its construction, and writes its length when it is done.
class Writer {
  public:
    Writer(std::string& out, char tag) : out_(out) {
        out_.push_back(tag);
        start_ = out_.size();
        append_be32(out_, 0);
    }
    explicit Writer(std::string& out) : out_(out), start_(out.size()) { append_be32(out_, 0); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() {
        store_be32(out_.data() + start_, static_cast<std::uint32_t>(out_.size() - start_));
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
    Writer frame(out, tag);
    frame.field('S', severity);
    frame.field('V', severity);
    frame.field('C', code);
    frame.field('M', message);
    frame.field('D', detail);
    frame.field('H', hint);
    frame.byte('\0');
}

}  // namespace

void append_header(std::string& out, Tag tag, std::size_t body) {
    char header[kHeaderSize];
    header[0] = static_cast<char>(tag);
    store_be32(header + 1, static_cast<std::uint32_t>(body + 4));
    out.append(header, sizeof header);
}

void append_error(std::string& out, std::string_view severity, std::string_view code, std::string_view message,
                  std::string_view detail, std::string_view hint) {
    append_report(out, 'E', severity, code, message, detail, hint);
}

void append_notice(std::string& out, std::string_view severity, std::string_view code, std::string_view message) {
    append_report(out, 'N', severity, code, message, {}, {});
}

void append_parameter_status(std::string& out, std::string_view name, std::string_view value) {
    Writer frame(out, 'S');
    frame.string(name);
    frame.string(value);
}

void append_backend_key_data(std::string& out, std::uint32_t pid, std::string_view secret) {
    Writer frame(out, 'K');
    frame.be32(pid);
    frame.bytes(secret);
}

void append_ready_for_query(std::string& out, char status) { Writer(out, 'Z').byte(status); }

void append_command_complete(std::string& out, std::string_view tag) { Writer(out, 'C').string(tag); }

void append_row_description(std::string& out, std::span<const std::string_view> columns) {
    Writer frame(out, 'T');
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
    Writer frame(out, 'D');
    frame.be16(values.size());
    for (const std::string_view value : values) {
        frame.be32(value.size());
        frame.bytes(value);
    }
}

void append_no_data(std::string& out) { const Writer frame(out, 'n'); }

void append_negotiate_protocol_version(std::string& out, std::uint32_t minor,
                                       std::span<const std::string> unknown_options) {
    Writer frame(out, 'v');
    frame.be32((3U << 16) | minor);
    frame.be32(unknown_options.size());
    for (const std::string& option : unknown_options) frame.string(option);
}

void append_query(std::string& out, std::string_view sql) { Writer(out, 'Q').string(sql); }

void append_parse_tail(std::string& out, std::string_view name, std::string_view tail) {
    Writer frame(out, 'P');
    frame.string(name);
    frame.bytes(tail);
}

void append_close(std::string& out, char what, std::string_view name) {
    Writer frame(out, 'C');
    frame.byte(what);
    frame.string(name);
}

void append_describe(std::string& out, char what, std::string_view name) {
    Writer frame(out, 'D');
    frame.byte(what);
    frame.string(name);
}

void append_sync(std::string& out) { const Writer frame(out, 'S'); }
void append_flush(std::string& out) { const Writer frame(out, 'H'); }
void append_terminate(std::string& out) { const Writer frame(out, 'X'); }
void append_copy_fail(std::string& out, std::string_view reason) { Writer(out, 'f').string(reason); }
void append_password(std::string& out, std::string_view password) { Writer(out, 'p').string(password); }

void append_sasl_initial_response(std::string& out, std::string_view mechanism, std::string_view data) {
    Writer frame(out, 'p');
    frame.string(mechanism);
    frame.be32(data.size());
    frame.bytes(data);
}

void append_sasl_response(std::string& out, std::string_view data) { Writer(out, 'p').bytes(data); }

void append_startup(std::string& out, std::uint32_t version,
                    std::span<const std::pair<std::string, std::string>> parameters) {
    Writer frame(out);
    frame.be32(version);
    for (const auto& [name, value] : parameters) {
        if (name.empty() || name.front() == '\0') continue;  // would end the list
        frame.string(name);
        frame.string(value);
    }
    frame.byte('\0');
}

void append_ssl_request(std::string& out) {
    Writer frame(out);
    frame.be32((1234U << 16) | 5679U);
}

void append_cancel_request(std::string& out, std::uint32_t pid, std::string_view secret) {
    Writer frame(out);
    frame.be32((1234U << 16) | 5678U);
    frame.be32(pid);
    frame.bytes(secret);
}

void append_authentication(std::string& out, std::uint32_t kind, std::string_view data) {
    Writer frame(out, 'R');
    frame.be32(kind);
    frame.bytes(data);
}

}  // namespace pgweir::protocol
