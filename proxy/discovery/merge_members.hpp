// The servers of all clusters from all that names them. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proxy/cluster/member.hpp"

namespace pgweir::discovery {

// Numeric addresses of a name, sorted; empty while none is known.
using AddressesOf = std::function<std::vector<std::string>(const std::string& name)>;

// The configured servers, and those that were found and are not among them. A server found twice, or at the host and port of a
// configured one, counts once, as it was met first; one whose name is another's already is called NAME:PORT, and left out if
// that is taken, too.
[[nodiscard]] std::vector<cluster::Member> merge_members(const std::vector<config::Server>& configured,
                                                        const std::vector<cluster::Member>& found, const AddressesOf& addresses_of);

}  // namespace pgweir::discovery
