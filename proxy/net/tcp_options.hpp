// The options of a TCP connection, a client's or to a server.
#pragma once

#include "config/config.hpp"

namespace pgweir::net {

// What the system refuses stays as the system has it; a Unix socket refuses everything, and needs none of it.
void set_tcp_options(int fd, const config::Tcp& tcp) noexcept;
// The same for a socket that has had others: what is not given becomes the system's again.
void renew_tcp_options(int fd, const config::Tcp& tcp) noexcept;

}  // namespace pgweir::net
