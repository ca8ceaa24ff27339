// Which databases are paused (PAUSE, RESUME). Names are as clients call them.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace pgweir::net {

class PauseSet {
  public:
    // An empty name stands for all databases. False: that was so already.
    bool pause(const std::string& database) {
        if (covers(database)) return false;
        if (!database.empty()) return names_.insert(database).second;
        return all_ = true;
    }
    // An empty name ends every pause. False: there was none by this name (one of all databases has none but the empty one).
    bool resume(const std::string& database) {
        if (!database.empty()) return names_.erase(database) > 0;
        const bool any = all_ || !names_.empty();
        *this = {};
        return any;
    }
    [[nodiscard]] bool covers(std::string_view database) const { return all_ || names_.contains(database); }
    [[nodiscard]] bool all() const noexcept { return all_; }

  private:
    std::set<std::string, std::less<>> names_;
    bool all_ = false;
};

}  // namespace pgweir::net
