#include "peers/server_peer.h"

#include <fstream>

#include "load/must.h"
#include "net/certificate.h"

namespace sotto::bench {

ServerPeer::ServerPeer() : port_(free_port()) {
  must(net::make_self_signed_certificate(certificate(), key(), {}), "a certificate");
  ssl_ = make_ssl_context(certificate());
}

void ServerPeer::start(const std::vector<std::string>& arguments) {
  process_ = std::make_unique<Process>(arguments, folder() + "/log");
  process_->wait_for_port(port_);
}

std::string ServerPeer::write_file(const std::string& name, const std::string& content) const {
  std::ofstream(folder() + "/" + name) << content;
  return folder() + "/" + name;
}

void ServerPeer::run_until(Loop& loop, const std::function<bool()>& done) {
  const auto until = Clock::now() + std::chrono::seconds(60);
  while (!done()) {
    if (Clock::now() > until) give_up("a server does not answer");
    loop.turn(Clock::now() + std::chrono::milliseconds(50));
  }
}

}  // namespace sotto::bench
