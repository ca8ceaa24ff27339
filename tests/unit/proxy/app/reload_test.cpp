// What reading the configuration again comes to.
#include "proxy/app/reload.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "config/load.hpp"

namespace pgweir::app {
namespace {

class ReloadTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string folder = ::testing::TempDir() + "pgweir-reload-XXXXXX";
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        file_ = std::filesystem::path(folder) / "f.toml";
        write("");
        running_ = std::make_shared<const net::Settings>(config::load_file(file_));
    }
    void TearDown() override { std::filesystem::remove_all(file_.parent_path()); }
    void write(const std::string& more, const std::string& database = "name = \"*\"") {
        std::ofstream(file_) << "[[server]]\nname = \"a\"\nhost = \"127.0.0.1\"\n[[database]]\n" << database << "\n[[user]]\nname = \"u\"\npassword = \"p\"\n"
                             << more << '\n';
    }

    std::filesystem::path file_;
    std::shared_ptr<const net::Settings> running_;
};

TEST_F(ReloadTest, WhatNeedsARestartKeepsItsValue) {
    write("[proxy]\nlisten_port = 1234\nmax_client_conn = 7\n[http]\nlisten_port = 0");
    const ReloadPlan plan = plan_reload(file_, *running_);
    ASSERT_TRUE(plan.settings) << plan.error;
    EXPECT_EQ(plan.settings->config.proxy.listen_port, 6432);
    EXPECT_EQ(plan.settings->config.proxy.max_client_conn, 7U);
    EXPECT_EQ(needing_restart(plan.changes), (std::vector<std::string>{"proxy.listen_port", "http.listen_port"}));
    EXPECT_EQ(plan.changes.size(), 3U);
    // It is named every time, until the restart.
    EXPECT_EQ(needing_restart(plan_reload(file_, *plan.settings).changes).size(), 2U);
}

TEST_F(ReloadTest, ABadFileIsAnErrorWithItsPlace) {
    write("[pool]\ndefault_pool_size = 0");
    const ReloadPlan plan = plan_reload(file_, *running_);
    EXPECT_FALSE(plan.settings);
    EXPECT_NE(plan.error.find("f.toml:10:21: pool.default_pool_size"), std::string::npos) << plan.error;
    std::filesystem::remove(file_);
    EXPECT_NE(plan_reload(file_, *running_).error, "");
}

TEST_F(ReloadTest, ACertificateThatCannotBeReadIsAnError) {
    write("[client_tls]\nsslmode = \"prefer\"\ncert_file = \"c\"\nkey_file = \"k\"");
    const ReloadPlan plan = plan_reload(file_, *running_);
    EXPECT_FALSE(plan.settings);
    EXPECT_NE(plan.error, "");
}

TEST_F(ReloadTest, ListsOfFunctionsThatAreTheSameAreTheSameObjects) {
    write("[routing]\nsafe_functions = [\"f\"]");
    const auto first = plan_reload(file_, *running_).settings;
    ASSERT_TRUE(first);
    EXPECT_NE(first->functions, running_->functions);
    write("[routing]\nsafe_functions = [\"f\"]", "name = \"*\"\nsafe_functions = [\"g\"]");
    const auto second = plan_reload(file_, *first).settings;
    ASSERT_TRUE(second);
    EXPECT_EQ(second->functions, first->functions);
    const auto own = second->functions_of(second->config.databases[0]);
    EXPECT_NE(own, second->functions);
    EXPECT_TRUE(own->contains_added("g") && own->contains_added("f"));
    const auto third = plan_reload(file_, *second).settings;
    ASSERT_TRUE(third);
    EXPECT_EQ(third->functions_of(third->config.databases[0]), own);
}

TEST_F(ReloadTest, AClusterKeepsItsPlace) {
    write("[[server]]\nname = \"b\"\nhost = \"127.0.0.2\"\ncluster = \"another\"");
    const auto both = plan_reload(file_, *running_).settings;
    ASSERT_TRUE(both);
    EXPECT_EQ(both->find_cluster("main"), 0U);
    EXPECT_EQ(both->find_cluster("another"), 1U);
    EXPECT_EQ(both->clusters[0].clock, running_->clusters[0].clock);
    write("");
    const auto again = plan_reload(file_, *both).settings;
    ASSERT_TRUE(again);
    EXPECT_EQ(again->find_cluster("another"), 1U);
}

}  // namespace
}  // namespace pgweir::app
