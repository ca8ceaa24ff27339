// What a session must see, decision by decision (semantics.md E).
#include "proxy/cluster/causal.hpp"

#include <gtest/gtest.h>

namespace pgweir::cluster {
namespace {

constexpr HostIndex kB{1}, kC{2};

// A primary and two replicas; samples are given and completed by hand.
class CausalTest : public ::testing::Test {
  protected:
    CausalTest() {
        world.servers.resize(3);
        world.servers[0].role = Role::primary;
        world.servers[0].rotation = Rotation::not_a_replica;
        for (const std::size_t i : {1U, 2U}) {
            world.servers[i].role = Role::replica;
            world.servers[i].rotation = Rotation::in;
            world.servers[i].position = Lsn{100};
        }
        world.primary = HostIndex{0};
        world.epoch = 1;
    }
    [[nodiscard]] std::uint64_t next() const { return started + 1; }
    std::uint64_t start() { return ++started; }
    void complete(std::uint64_t number, std::uint64_t lsn) { world.samples.add(number, Lsn{lsn}); }
    void sample(std::uint64_t lsn) { complete(start(), lsn); }
    void replay(HostIndex host, std::uint64_t lsn) { world.servers[index_of(host)].position = Lsn{lsn}; }
    [[nodiscard]] std::vector<HostIndex> admitted(std::uint64_t arrived = 0) {
        const Bound bound = session.bound(world, next(), arrived);
        std::vector<HostIndex> all;
        for (std::size_t i = 0; i < world.servers.size(); ++i) {
            const bool in = world.servers[i].rotation == Rotation::in;
            if (in && bound.admits(i, world.servers[i])) all.push_back(static_cast<HostIndex>(i));
        }
        return all;
    }
    using Hosts = std::vector<HostIndex>;

    Snapshot world;
    Causal session;
    std::uint64_t started = 0;
};

TEST_F(CausalTest, ASessionThatDidNothingReadsAnywhere) {
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
    world.epoch = 2;
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
    world.epoch = 0;
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
}

TEST_F(CausalTest, AWriteIsCoveredByTheFirstSampleThatStartsAfterIt) {
    const std::uint64_t before = start();  // under way when the write ended: may have been read before it
    session.wrote(world, next());
    EXPECT_EQ(admitted(), Hosts{});
    complete(before, 100);  // late, and too early all the same
    EXPECT_EQ(admitted(), Hosts{});
    EXPECT_FALSE(session.lacks_only_sights(world));
    sample(200);
    EXPECT_EQ(admitted(), Hosts{});
    EXPECT_FALSE(session.lacks_only_sights(world));
    replay(kC, 199);
    EXPECT_EQ(admitted(), Hosts{});
    replay(kC, 200);
    EXPECT_EQ(admitted(), Hosts{kC});
    EXPECT_TRUE(session.lacks_only_sights(world));
    sample(900);  // others' writes do not matter
    replay(kB, 250);
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
}

TEST_F(CausalTest, AnotherWriteAsksAgain) {
    session.wrote(world, next());
    sample(200);
    replay(kB, 200);
    EXPECT_EQ(admitted(), Hosts{kB});
    session.wrote(world, next());
    EXPECT_EQ(admitted(), Hosts{});
    sample(300);
    EXPECT_EQ(admitted(), Hosts{});
    replay(kB, 300);
    EXPECT_EQ(admitted(), Hosts{kB});
}

TEST_F(CausalTest, ANeedOlderThanTheRingTakesTheOldestThatIsLeft) {
    session.wrote(world, next());
    for (std::uint64_t i = 1; i <= 2 * SampleRing::kSize; ++i) sample(1000 + i);
    replay(kB, 1000 + SampleRing::kSize);
    replay(kC, 1000 + SampleRing::kSize + 1);
    EXPECT_EQ(admitted(), Hosts{kC});
}

TEST_F(CausalTest, AReadOnThePrimaryIsSeenTooAndLeavesHome) {
    session.saw_replica(world, kB, 0, next());
    session.saw_primary(world, next());
    EXPECT_EQ(admitted(), Hosts{});
    EXPECT_TRUE(session.lacks_only_sights(world));  // it wrote nothing
    sample(150);
    EXPECT_EQ(admitted(), Hosts{});
    replay(kC, 150);
    EXPECT_EQ(admitted(), Hosts{kC});
}

TEST_F(CausalTest, AReadOnAReplicaKeepsTheSessionThereUntilOthersAreKnownToHaveAsMuch) {
    session.saw_replica(world, kB, 0, next());
    EXPECT_EQ(admitted(), Hosts{kB});
    sample(150);  // B may have been as far as this; what is known of B itself does not matter
    EXPECT_EQ(admitted(), Hosts{kB});
    replay(kC, 150);
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
    session.saw_replica(world, kC, 0, next());
    EXPECT_EQ(admitted(), Hosts{kC});
}

TEST_F(CausalTest, AHomeThatIsLostOrWasRestartedIsNoHome) {
    session.saw_replica(world, kB, 0, next());
    world.servers[1].rotation = Rotation::unreachable;
    EXPECT_EQ(admitted(), Hosts{});
    world.servers[1].rotation = Rotation::in;
    EXPECT_EQ(admitted(), Hosts{});  // back, with who knows what
    sample(150);
    replay(kB, 150);
    EXPECT_EQ(admitted(), Hosts{kB});
    session.saw_replica(world, kB, 0, next());
    world.servers[1].incarnation = 1;
    EXPECT_EQ(admitted(), Hosts{});
    // Restarted while the read was under way: it was chosen as another one.
    session.saw_replica(world, kB, 0, next());
    EXPECT_EQ(admitted(), Hosts{});
    session.saw_replica(world, kB, 1, next());
    EXPECT_EQ(admitted(), Hosts{kB});
}

TEST_F(CausalTest, AWriteLeavesHomeUntilItsReplayIsKnown) {
    session.saw_replica(world, kB, 0, next());
    session.wrote(world, next());
    EXPECT_EQ(admitted(), Hosts{});
    sample(200);
    EXPECT_EQ(admitted(), Hosts{});
    replay(kC, 200);
    EXPECT_EQ(admitted(), Hosts{kC});
}

TEST_F(CausalTest, AnotherEpochTurnsEveryNeedIntoItsNextSample) {
    session.wrote(world, next());
    sample(200);
    replay(kB, 500);
    replay(kC, 500);
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
    world.epoch = 2;
    world.samples.clear();
    const std::uint64_t early = start();
    EXPECT_EQ(admitted(), Hosts{});
    complete(early, 50);  // had started when the session learned of it
    EXPECT_EQ(admitted(), Hosts{});
    sample(60);  // positions of the other history, though smaller, count now
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
    // Also of one that has only read, and of one that waits for a sample.
    session = {};
    session.saw_replica(world, kB, 0, next());
    world.epoch = 3;
    world.samples.clear();
    EXPECT_EQ(admitted(), Hosts{});
    session.wrote(world, next());
    world.epoch = 4;
    EXPECT_EQ(admitted(), Hosts{});
    sample(70);
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
}

TEST_F(CausalTest, AGlobalReadNeedsASampleThatStartsAfterItCame) {
    session.saw_replica(world, kB, 0, next());
    const std::uint64_t arrived = next();
    EXPECT_EQ(admitted(arrived), Hosts{});  // home is not enough
    sample(150);
    EXPECT_EQ(admitted(arrived), Hosts{});
    replay(kC, 150);
    EXPECT_EQ(admitted(arrived), Hosts{kC});
    EXPECT_EQ(admitted(next()), Hosts{});
}

TEST_F(CausalTest, ATokenRaisesWhatIsNeededEverywhere) {
    session.saw_replica(world, kB, 0, next());
    sample(100);
    session.read_after(world, Lsn{300}, next());
    EXPECT_EQ(admitted(), Hosts{});
    EXPECT_FALSE(session.lacks_only_sights(world));
    replay(kC, 300);
    EXPECT_EQ(admitted(), Hosts{kC});
    EXPECT_EQ(admitted(1), Hosts{kC});  // with global, too
    replay(kB, 300);
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
    session.read_after(world, Lsn{900}, next());
    EXPECT_EQ(admitted(), Hosts{});
    session.read_after(world, Lsn{}, next());
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
    // Of another history it is worth no more than a sample.
    session.read_after(world, Lsn{900}, next());
    world.epoch = 2;
    world.samples.clear();
    EXPECT_EQ(admitted(), Hosts{});
    sample(110);
    EXPECT_EQ(admitted(), (Hosts{kB, kC}));
}

TEST_F(CausalTest, AReplicaThatComesBackIsChosenAgainOnce) {
    EXPECT_FALSE(session.should_move(world));  // no home
    session.saw_replica(world, kB, 0, next());
    EXPECT_FALSE(session.should_move(world));
    ++world.arrivals;
    EXPECT_TRUE(session.should_move(world));
    EXPECT_FALSE(session.should_move(world));
    EXPECT_TRUE(Causal::held_at_home(world, session.bound(world, next())));
    sample(100);
    EXPECT_FALSE(Causal::held_at_home(world, session.bound(world, next())));
    sample(101);
    session.saw_replica(world, kB, 0, next());
    sample(102);
    EXPECT_TRUE(Causal::held_at_home(world, session.bound(world, next())));  // known, and behind
    world.servers[2].rotation = Rotation::lagging;
    EXPECT_FALSE(Causal::held_at_home(world, session.bound(world, next())));  // nobody to go to
}

}  // namespace
}  // namespace pgweir::cluster
