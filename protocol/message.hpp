// Writers of whole messages, each appending one message to `out`.
// Source: PostgreSQL documentation, "Frontend/Backend Protocol", Message Formats.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"

namespace pgweir::protocol {

// The header of a message whose body of so many bytes follows.
void append_header(std::string& out, Tag tag, std::size_t body);

// --- Backend messages.
// ErrorResponse with severity, code, message and, when not empty, detail and hint. A NUL in a text ends it.
void append_error(std::string& out, std::string_view severity, std::string_view code, std::string_view message,
                  std::string_view detail = {}, std::string_view hint = {});
void append_notice(std::string& out, std::string_view severity, std::string_view code, std::string_view message);
void append_parameter_status(std::string& out, std::string_view name, std::string_view value);
// `secret` is 4 bytes in protocol 3.0, up to 256 in 3.2.
void append_backend_key_data(std::string& out, std::uint32_t pid, std::string_view secret);
void append_ready_for_query(std::string& out, char status);
void append_command_complete(std::string& out, std::string_view tag);
// Columns of type text.
void append_row_description(std::string& out, std::span<const std::string_view> columns);
void append_data_row(std::string& out, std::span<const std::string_view> values);
void append_no_data(std::string& out);
void append_negotiate_protocol_version(std::string& out, std::uint32_t minor,
                                       std::span<const std::string> unknown_options);

// Messages without a variable part.
inline const std::string kParseComplete{"1\0\0\0\4", 5};
inline const std::string kBindComplete{"2\0\0\0\4", 5};
inline const std::string kCloseComplete{"3\0\0\0\4", 5};
inline const std::string kNoParameters{"t\0\0\0\6\0\0", 7};  // ParameterDescription of a statement without any

// --- Frontend messages.
void append_query(std::string& out, std::string_view sql);
// A Parse: the statement's name and what follows it in the body (text, NUL, parameter types).
void append_parse_tail(std::string& out, std::string_view name, std::string_view tail);
void append_close(std::string& out, char what, std::string_view name);
void append_describe(std::string& out, char what, std::string_view name);
void append_sync(std::string& out);
void append_flush(std::string& out);
void append_terminate(std::string& out);
void append_copy_fail(std::string& out, std::string_view reason);
void append_password(std::string& out, std::string_view password);
void append_sasl_initial_response(std::string& out, std::string_view mechanism, std::string_view data);
void append_sasl_response(std::string& out, std::string_view data);
void append_startup(std::string& out, std::uint32_t version,
                    std::span<const std::pair<std::string, std::string>> parameters);
// SSLRequest: 8 bytes without a tag.
void append_ssl_request(std::string& out);
void append_cancel_request(std::string& out, std::uint32_t pid, std::string_view secret);

// --- Authentication requests of a server ('R').
void append_authentication(std::string& out, std::uint32_t kind, std::string_view data = {});
inline constexpr std::uint32_t kAuthOk = 0, kAuthCleartext = 3, kAuthMd5 = 5, kAuthSasl = 10, kAuthSaslContinue = 11,
                               kAuthSaslFinal = 12;

}  // namespace pgweir::protocol
