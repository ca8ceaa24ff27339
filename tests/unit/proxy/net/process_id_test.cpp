#include "proxy/net/process_id.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "proxy/pool/types.hpp"

namespace pgweir::net {
namespace {

TEST(ProcessId, IsPositiveAndFoundAgain) {
    for (const std::size_t worker : {std::size_t{0}, std::size_t{1}, pool::kMaxWorkers - 1}) {
        for (const std::uint32_t slot : {0U, 1U, 4711U, 10'000'000U}) {
            const std::uint32_t number = ProcessId{worker, slot}.number();
            EXPECT_GT(number, 0U);
            EXPECT_LE(number, static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()));
            EXPECT_EQ(ProcessId::from(number).worker, worker);
            EXPECT_EQ(ProcessId::from(number).slot, slot);
        }
    }
}

TEST(ProcessId, ANumberThatNobodyWasGivenNamesNoSlot) {
    EXPECT_EQ(ProcessId::from(0).slot, std::numeric_limits<std::uint32_t>::max());
}

}  // namespace
}  // namespace pgweir::net
