#include "config/diff.hpp"

#include <map>

#include "config/options.hpp"

namespace pgweir::config {

namespace {

using Blocks = std::map<std::string, ConstBlock>;

Blocks blocks_of(const Section& section, const Config& config) {
    Blocks blocks;
    for (std::size_t i = 0; i < section.count(config); ++i) {
        const ConstBlock block = section.at(config, i);
        blocks.emplace(block_path(section, block), block);
    }
    return blocks;
}

}  // namespace

std::vector<Change> diff(const Config& before, const Config& after) {
    std::vector<Change> changes;
    for (const Section& section : sections()) {
        const Blocks old_blocks = blocks_of(section, before);
        const Blocks new_blocks = blocks_of(section, after);
        for (const auto& [path, block] : old_blocks) {
            if (!new_blocks.contains(path)) changes.push_back({ChangeKind::removed, path, {}, {}, true});
        }
        for (const auto& [path, block] : new_blocks) {
            const auto old_block = old_blocks.find(path);
            if (old_block == old_blocks.end()) {
                changes.push_back({ChangeKind::added, path, {}, {}, true});
                continue;
            }
            for (const Option& option : options_of(section.name)) {
                const Value was = option.get(old_block->second);
                const Value is = option.get(block);
                if (was == is) continue;
                changes.push_back({ChangeKind::changed, path + "." + std::string(option.key), to_text(option, was),
                                   to_text(option, is), option.reloadable});
            }
        }
    }
    return changes;
}

}  // namespace pgweir::config
