#include <sotto/relay.h>

#include <iostream>

int main(int, char** argv) {
  sotto::RelayConfig config;
  config.data_dir = argv[1];
  const auto relay = sotto::Relay::start(std::move(config));
  if (!relay.ok()) return std::cerr << relay.error().message << "\n", 1;
  std::cout << (*relay)->url() << "\n";
  (*relay)->stop();
}
