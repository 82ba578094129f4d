#include <sotto/client.h>

#include <iostream>

int main(int, char** argv) {
  sotto::ClientConfig config;
  config.data_dir = argv[1];
  config.relay_url = "wss://localhost:1";
  config.connect_at_open = false;
  const auto client = sotto::Client::open(std::move(config));
  if (!client.ok()) return std::cerr << client.error().message << "\n", 1;
  const auto chats = (*client)->chats();
  std::cout << "chats: " << (chats.ok() ? chats->size() : 999) << "\n";
  return chats.ok() && chats->empty() ? 0 : 1;
}
