// The one translation unit of Asio's own code (BOOST_ASIO_SEPARATE_COMPILATION); everybody else includes declarations only.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
