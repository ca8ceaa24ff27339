// [proxy] state_dir: what must survive a restart. A file for each cluster (cluster/memory.hpp), and salt_secret. A file is
// replaced as a whole: its new contents are on disk before they have its name.
#pragma once

#include <string>
#include <string_view>

#include "proxy/cluster/memory.hpp"

namespace pgweir::app {

// Control thread only.
class StateDirectory {
  public:
    // Empty: nothing is kept. Makes the directory if only its last part is missing. Throws std::runtime_error when it cannot be used.
    explicit StateDirectory(std::string path);

    // What is known of a cluster; nothing when there is no file. Throws std::runtime_error with file:line when it cannot be read.
    [[nodiscard]] cluster::Memory read(std::string_view cluster) const;
    // False: it was not possible, and that was logged (once, until it is possible again). True also when nothing is to be kept.
    [[nodiscard]] bool keep(std::string_view cluster, const cluster::Memory& memory) const;

    // The secret of the salts (session::UserDirectory), made at the first time; empty when nothing is kept. Throws as read().
    [[nodiscard]] std::string salt_secret() const;

  private:
    [[nodiscard]] std::string file_of(std::string_view cluster) const;

    std::string path_;
    mutable int last_error_ = 0;  // of keep(): logged once
};

}  // namespace pgweir::app
