// Read preferences and bounds as a session chooses them: in settings, in a transaction, in annotations.
#include <gtest/gtest.h>

#include "conversation.hpp"

namespace pgweir::test {
namespace {

using config::ReadPreference;
using routing::Target;
using sql::Reason;

class ReadPreferenceTest : public ::testing::TestWithParam<std::size_t> {
  protected:
    void begin(std::string_view sql = "BEGIN READ ONLY") {
        talk.client(query(sql));
        talk.server(complete("BEGIN") + ready('T'));
        talk.take_client();
        talk.take_server();
    }
    std::string show(std::string_view setting) {
        talk.client(query("SHOW pgweir." + std::string(setting)));
        return talk.take_client();
    }
    static bool shows(const std::string& answer, std::string_view value) { return answer.find(row(value)) != std::string::npos; }

    Conversation talk{GetParam()};
};

TEST_P(ReadPreferenceTest, AnnotationsAndSettings) {
    talk.client(query("SET pgweir.read_preference = 'Nearest'") + query("SET pgweir.max_lag = '2s'"));
    EXPECT_EQ(talk.take_client(), complete("SET") + ready() + complete("SET") + ready());
    EXPECT_TRUE(shows(show("max_lag"), "2s"));
    EXPECT_TRUE(shows(show("read_preference"), "nearest"));
    talk.client(query("SELECT 1"));
    EXPECT_EQ(talk.route, (routing::Route{Target::replica, Reason::read, ReadPreference::nearest, false, 2000}));
    talk.server(complete("SELECT 1") + ready());
    talk.client(query("/* pgweir: read_preference=replica, max_lag=0 */ SELECT 1"));
    EXPECT_EQ(talk.route, (routing::Route{Target::replica, Reason::read, ReadPreference::replica, false, 0}));
    talk.server(complete("SELECT 1") + ready());
    talk.take_client();
    for (const std::string_view bad : {"SET pgweir.max_lag = 500", "SET pgweir.max_lag = 'soon'", "SET pgweir.read_preference = 'near'"}) {
        talk.client(query(bad));
        EXPECT_NE(talk.take_client().find("C22023"), std::string::npos) << bad;
    }
    talk.client(query("SET pgweir.lag = '1s'"));
    EXPECT_NE(talk.take_client().find("C42704"), std::string::npos);
}

TEST_P(ReadPreferenceTest, ABadAnnotationIsANoticeAndThePrimary) {
    const std::string sql = "/* pgweir: read_preference=near */ SELECT 1";
    EXPECT_EQ(talk.client(query(sql)), query(sql));
    EXPECT_EQ(talk.route.reason, Reason::hint_invalid);
    talk.server(complete("SELECT 1") + ready());
    const std::string answer = talk.take_client();
    EXPECT_EQ(tags(answer), "NCZ");
    EXPECT_NE(answer.find("/* pgweir: read_preference=near */"), std::string::npos);
    // Where it belongs among the answers of a pipeline.
    const std::string pipeline = parse("", "SELECT 1") + bind("", "") + execute() + parse("", sql) + bind("", "") + execute() + sync();
    EXPECT_EQ(talk.client(pipeline), pipeline);
    talk.server(parsed() + bound() + complete("SELECT 1") + parsed() + bound() + complete("SELECT 1") + ready());
    EXPECT_EQ(tags(talk.take_client()), "12CN12CZ");
}

TEST_P(ReadPreferenceTest, ATransactionTakesItsSettingsBack) {
    begin("BEGIN");
    talk.client(query("SET pgweir.max_lag = '1s'") + query("SET LOCAL pgweir.consistency = 'global'"));
    EXPECT_EQ(tags(talk.take_client()), "CZCZ");
    EXPECT_TRUE(shows(show("max_lag"), "1s"));
    EXPECT_TRUE(shows(show("consistency"), "global"));
    talk.client(query("ROLLBACK"));
    talk.server(complete("ROLLBACK") + ready());
    EXPECT_TRUE(shows(show("max_lag"), "0"));
    EXPECT_TRUE(shows(show("consistency"), "eventual"));
    begin("BEGIN");
    talk.client(query("SET pgweir.max_lag = '1s'") + query("SET LOCAL pgweir.consistency = 'global'") + query("COMMIT"));
    talk.server(complete("COMMIT") + ready());
    EXPECT_TRUE(shows(show("max_lag"), "1s"));
    EXPECT_TRUE(shows(show("consistency"), "eventual"));
    EXPECT_EQ(talk.moves, 0U);
}

TEST_P(ReadPreferenceTest, AChainedRollbackTakesThemBackToo) {
    begin("BEGIN");
    talk.client(query("SET pgweir.consistency = 'global'") + query("SAVEPOINT a"));
    talk.server(complete("SAVEPOINT") + ready('T'));
    talk.client(query("ROLLBACK TO a"));
    talk.server(complete("ROLLBACK") + ready('T'));
    EXPECT_TRUE(shows(show("consistency"), "global"));  // savepoints take nothing back
    talk.client(query("ROLLBACK AND CHAIN"));
    talk.server(complete("ROLLBACK") + ready('T'));
    EXPECT_TRUE(shows(show("consistency"), "eventual"));
    talk.client(query("COMMIT"));
    talk.server(complete("COMMIT") + ready());
    EXPECT_TRUE(shows(show("consistency"), "eventual"));
}

TEST_P(ReadPreferenceTest, SetLocalToDefaultEndsWithItsTransaction) {
    talk.client(query("SET pgweir.consistency = 'global'"));
    begin("BEGIN");
    talk.client(query("SET LOCAL pgweir.consistency = DEFAULT"));
    EXPECT_EQ(tags(talk.take_client()).substr(0, 1), "C");
    EXPECT_TRUE(shows(show("consistency"), "eventual"));
    talk.client(query("COMMIT"));
    talk.server(complete("COMMIT") + ready());
    EXPECT_TRUE(shows(show("consistency"), "global"));
    talk.client(query("SET LOCAL pgweir.consistency = DEFAULT"));  // lasts for nothing
    EXPECT_EQ(tags(talk.take_client()).substr(0, 1), "N");
    EXPECT_TRUE(shows(show("consistency"), "global"));
}

TEST_P(ReadPreferenceTest, InOneSegmentTheTransactionIsSeenToo) {
    const auto run = [](std::string_view sql) { return parse("", sql) + bind("", "") + execute(); };
    for (const std::string_view set : {"SET pgweir.consistency = 'global'", "SET LOCAL pgweir.consistency = 'global'"}) {
        for (const std::string_view end : {"ROLLBACK", "COMMIT"}) {
            talk.client(query("RESET pgweir.consistency"));
            talk.take_client();
            talk.client(run("BEGIN") + run(set) + run(end) + sync());
            talk.server(parsed() + bound() + complete("BEGIN") + parsed() + bound() + complete(end) + ready());
            EXPECT_EQ(tags(talk.take_client()), "12C12C12CZ") << set;
            const bool stays = end == "COMMIT" && !set.starts_with("SET LOCAL");
            EXPECT_TRUE(shows(show("consistency"), stays ? "global" : "eventual")) << set << end;
        }
    }
}

TEST_P(ReadPreferenceTest, SetLocalMovesATransactionThatHasOnlyBegun) {
    begin();
    EXPECT_EQ(talk.route.target, Target::replica);
    const std::string moved = talk.client(query("SET LOCAL pgweir.read_preference = 'primary'") + query("SELECT 1"));
    EXPECT_EQ(moved, query("BEGIN READ ONLY"));
    EXPECT_EQ(talk.take_client(), complete("SET") + ready('T'));
    EXPECT_EQ(talk.route, (routing::Route{Target::primary, Reason::read_preference}));
    EXPECT_EQ(talk.server(complete("BEGIN") + ready('T')), "");
    EXPECT_EQ(talk.take_server(), query("SELECT 1"));
    talk.server(complete("SELECT 1") + ready('T'));
    EXPECT_EQ(tags(talk.take_client()), "CZ");
    // It has read something: too late.
    talk.client(query("SET LOCAL pgweir.max_lag = '1s'"));
    EXPECT_EQ(talk.take_client(), complete("SET") + ready('T'));
    EXPECT_EQ(talk.moves, 1U);
    talk.client(query("COMMIT"));
    talk.server(complete("COMMIT") + ready());
    EXPECT_TRUE(shows(show("read_preference"), "replica_preferred"));
    EXPECT_FALSE(talk.linked());
}

TEST_P(ReadPreferenceTest, AndInTheExtendedProtocolWithBeginInTheSameSegment) {
    const std::string begins = parse("", "BEGIN READ ONLY") + bind("", "") + execute();
    talk.client(begins + parse("", "SET LOCAL pgweir.max_lag = '1s'") + bind("", "") + execute() + sync());
    EXPECT_EQ(talk.moves, 0U);
    EXPECT_EQ(tags(talk.server(parsed() + bound() + complete("BEGIN") + ready('T'))), "12C12CZ");
    EXPECT_EQ(talk.take_server(), query("BEGIN READ ONLY"));
    EXPECT_EQ(talk.route, (routing::Route{Target::replica, Reason::read_only_transaction, ReadPreference::replica_preferred, false, 1000}));
    EXPECT_EQ(talk.server(complete("BEGIN") + ready('T')), "");
    EXPECT_EQ(talk.client(query("SELECT 1")), query("SELECT 1"));
    EXPECT_EQ(talk.moves, 1U);
}

TEST_P(ReadPreferenceTest, OnlyWhatMayMoveDoes) {
    const std::string set = query("SET LOCAL pgweir.max_lag = '1s'");
    begin("BEGIN");  // it may write
    EXPECT_EQ(talk.client(set), "");
    begin("SELECT 1; BEGIN READ ONLY");
    EXPECT_EQ(talk.client(set), "");
    talk.client(query("COMMIT"));
    talk.server(complete("COMMIT") + ready());
    begin();
    talk.client(query("SELECT 1 / 0"));
    talk.server(error("22012") + ready('E'));
    EXPECT_EQ(talk.client(set), "");
    talk.client(query("ROLLBACK"));
    talk.server(complete("ROLLBACK") + ready());
    begin();
    EXPECT_EQ(talk.client(query("SET LOCAL pgweir.max_lag = '0'")), "");  // as it was
    EXPECT_EQ(talk.client(query("SET LOCAL work_mem = '1MB'")), query("SET LOCAL work_mem = '1MB'"));
    talk.server(complete("SET") + ready('T'));
    EXPECT_EQ(talk.client(set), "");
    EXPECT_EQ(talk.moves, 0U);
}

INSTANTIATE_TEST_SUITE_P(Chunks, ReadPreferenceTest, ::testing::Values(1, 7, 100'000));

}  // namespace
}  // namespace pgweir::test
