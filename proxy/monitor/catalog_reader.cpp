#include "proxy/monitor/catalog_reader.hpp"

#include <stdexcept>
#include <utility>

namespace pgweir::monitor {

void CatalogReader::start(const ConnectionOptions& to, std::chrono::milliseconds timeout, Done done) {
    done_ = std::move(done);
    limit_.expires_after(timeout);
    limit_.async_wait([weak = weak_from_this(), timeout](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->finish("no answer within " + std::to_string(timeout.count()) + " ms");
    });
    connection_->connect(to, [this](std::string error) { error.empty() ? ask() : finish(std::move(error)); });
}

void CatalogReader::ask() {
    connection_->ask(kCatalogSql, std::nullopt, [this](const PGresult* result) { answer_.add(result); },
                     [this](std::string error) {
                         if (error.empty()) error = answer_.error();
                         if (error.empty() && answer_.from_standby()) error = "the server is no primary any more";
                         finish(std::move(error));
                     });
}

void CatalogReader::finish(std::string error) {
    const auto self = shared_from_this();
    const Done done = std::exchange(done_, nullptr);
    stop();
    if (done) done(std::move(answer_), std::move(error));
}

void CatalogReader::stop() {
    done_ = nullptr;
    limit_.cancel();
    connection_->close();
}

sql::CatalogRows read_catalog(const std::string& conninfo) {
    const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(PQconnectdb(conninfo.c_str()), &PQfinish);
    const auto fail = [&](std::string error) {
        while (!error.empty() && error.back() == '\n') error.pop_back();
        throw std::runtime_error("cannot read the catalog: " + error);
    };
    if (PQstatus(connection.get()) != CONNECTION_OK) fail(PQerrorMessage(connection.get()));
    PQsetClientEncoding(connection.get(), "UTF8");
    if (PQsendQuery(connection.get(), kCatalogSql) == 0) fail(PQerrorMessage(connection.get()));
    CatalogAnswer answer;
    while (PGresult* result = PQgetResult(connection.get())) {
        answer.add(result);
        PQclear(result);
    }
    if (PQstatus(connection.get()) != CONNECTION_OK) fail(PQerrorMessage(connection.get()));
    if (!answer.error().empty()) fail(answer.error());
    return std::move(answer.rows());
}

}  // namespace pgweir::monitor
