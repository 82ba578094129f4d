#include "net/resolver.h"

#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>

#include "net/threads.h"
#include "net/tls.h"

namespace sotto::net {
namespace {

Result<Addresses> resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (code != 0) return Error(ErrorCode::UNAVAILABLE, "looking up " + host + ": " + ::gai_strerror(code));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  Addresses out;
  for (const addrinfo* entry = found; entry != nullptr && out.size() < max_addresses; entry = entry->ai_next) {
    char text[NI_MAXHOST] = {};
    if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (std::find(out.begin(), out.end(), text) == out.end()) out.emplace_back(text);
  }
  if (out.empty()) return Error(ErrorCode::UNAVAILABLE, host + " has no address");
  return out;
}

}  // namespace

/// Shared with the lookups' threads, which may outlive the Resolver.
struct Resolver::Mailbox {
  std::mutex mutex;
  std::function<void()> ready;
  std::vector<Answer> answers;

  void put(Answer answer) {
    const std::lock_guard lock(mutex);
    if (!ready) return;
    answers.push_back(std::move(answer));
    ready();
  }
};

Resolver::Resolver(std::function<void()> ready) : mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->ready = std::move(ready);
}

Resolver::~Resolver() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->ready = nullptr;
}

void Resolver::lookup(ConnectionId id, const std::string& host) {
  if (is_address(host)) {
    mailbox_->put({id, Addresses{host}});
    return;
  }
  try {
    const BlockSignals block;
    std::thread([mailbox = mailbox_, id, host] { mailbox->put({id, resolve(host)}); }).detach();
  } catch (const std::system_error&) {
    mailbox_->put({id, Error(ErrorCode::UNAVAILABLE, "no thread for a name lookup")});
  }
}

std::vector<Resolver::Answer> Resolver::collect() {
  const std::lock_guard lock(mailbox_->mutex);
  return std::exchange(mailbox_->answers, {});
}

}  // namespace sotto::net
