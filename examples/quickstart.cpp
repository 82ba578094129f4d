// Two users, one relay, a message each way. Usage: quickstart URL CA_FILE FOLDER
#include <sotto/blocking.h>
#include <sotto/client.h>

#include <chrono>
#include <future>
#include <iostream>

using sotto::blocking;

/// One user: a client, and the first text that somebody else writes to it.
struct User {
  std::promise<sotto::Message> first;
  std::future<sotto::Message> inbox = first.get_future();
  bool answered = false;
  std::unique_ptr<sotto::Client> client;

  sotto::Result<sotto::UserId> start(const std::string& handle, char** argv) {
    sotto::ClientConfig config;
    config.relay_url = argv[1];
    config.ca_file = argv[2];
    config.data_dir = std::string(argv[3]) + "/" + handle;
    config.on_event = [this](const sotto::Event& event) {
      const auto* added = std::get_if<sotto::MessageAdded>(&event);
      if (added == nullptr || added->message.state != sotto::MessageState::received || answered) return;
      if (added->message.kind != sotto::MessageKind::text) return;
      answered = true;
      first.set_value(added->message);
    };
    auto opened = sotto::Client::open(std::move(config));
    if (!opened.ok()) return opened.error();
    client = std::move(*opened);
    return blocking<sotto::UserId>([&](auto done) { client->register_account(handle, done); });
  }

  bool receives(const std::string& text) {
    if (inbox.wait_for(std::chrono::seconds(60)) != std::future_status::ready) return false;
    const auto message = inbox.get();
    std::cout << message.sender.to_string().substr(0, 8) << " wrote: " << message.text << "\n";
    return message.text == text;
  }
};

int main(int argc, char** argv) {
  if (argc != 4) return std::cerr << "usage: quickstart URL CA_FILE FOLDER\n", 2;
  User alice, bob;
  const auto a = alice.start("alice", argv);
  const auto b = bob.start("bob", argv);
  if (!a.ok() || !b.ok()) return std::cerr << (a.ok() ? b : a).error().message << "\n", 1;

  const auto found = blocking<sotto::UserId>([&](auto done) { alice.client->find_user("bob", done); });
  if (!found.ok() || *found != *b) return 1;
  const auto chat = alice.client->create_direct_chat(*found);
  if (!chat.ok() || !alice.client->send(*chat, "Hello, Bob!").ok() || !bob.receives("Hello, Bob!")) return 1;
  if (!bob.client->send(*chat, "Hello, Alice!").ok() || !alice.receives("Hello, Alice!")) return 1;
  return 0;
}
