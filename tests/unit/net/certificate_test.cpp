// What a certificate's file says.
#include "net/certificate.h"

#include <fstream>
#include <sstream>

#include "net/server.h"
#include "unit/net/raw_client.h"

using namespace sotto;
using namespace sotto::net;
using namespace sotto::test;

TEST_CASE("a self-made certificate is valid from now on for 825 days, and signed by itself") {
  const Certificates certificates;
  const auto facts = certificate_facts(certificates.certificate);
  REQUIRE(facts.ok());
  const auto now = std::chrono::system_clock::now();
  CHECK(facts->valid_from < now);
  CHECK(facts->valid_until > now + std::chrono::hours(24 * 823));
  CHECK(facts->valid_until < now + std::chrono::hours(24 * 826));
  CHECK(facts->chain == 1);
  CHECK(facts->self_signed);
  CHECK(facts->chain_in_order);
}

TEST_CASE(
    "a file that goes on with a certificate that signed nothing is out of order; a file without any is an error") {
  const Certificates certificates;
  const Certificates others;
  std::ostringstream both;
  both << std::ifstream(certificates.certificate).rdbuf() << std::ifstream(others.certificate).rdbuf();
  std::ofstream(certificates.certificate) << both.str();
  const auto facts = certificate_facts(certificates.certificate);
  REQUIRE(facts.ok());
  CHECK(facts->chain == 2);
  CHECK_FALSE(facts->chain_in_order);
  CHECK(certificate_facts(certificates.key).code() == ErrorCode::TLS_FAILED);
  CHECK(certificate_facts(certificates.key + ".none").code() == ErrorCode::TLS_FAILED);
}

TEST_CASE("libwebsockets has its libev plug-in") { CHECK(check_event_loop().ok()); }
