#include "config/show.hpp"

#include "config/options.hpp"

namespace pgweir::config {

std::vector<ShowRow> show(const Config& config) {
    std::vector<ShowRow> rows;
    for (const Section& section : sections()) {
        for (std::size_t i = 0; i < section.count(config); ++i) {
            const ConstBlock block = section.at(config, i);
            const std::string path = block_path(section, block) + '.';
            for (const Option& option : options_of(section.name)) {
                rows.push_back({path + std::string(option.key), to_text(option, option.get(block)),
                                to_text(option, option.get(section.defaults())), option.reloadable});
            }
        }
    }
    return rows;
}

}  // namespace pgweir::config
