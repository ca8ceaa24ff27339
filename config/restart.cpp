#include "config/restart.hpp"

#include "config/options.hpp"

namespace pgweir::config {

Config keep_until_restart(Config wanted, const Config& running) {
    for (const Section& section : sections()) {
        if (section.repeated) continue;  // their blocks come and go
        const Block block = section.add(wanted);
        const ConstBlock old = section.at(running, 0);
        for (const Option& option : options_of(section.name)) {
            if (!option.reloadable) option.set(block, option.get(old));
        }
    }
    return wanted;
}

}  // namespace pgweir::config
