// The relay as a server of its own: flags, environment or a file, log lines, and an orderly end.
//
//     sotto-relay --dev
//     sotto-relay --data /var/lib/sotto --listen 0.0.0.0 --port 443 --cert cert.pem --key key.pem
#include "relay/exit_code.h"
#include "relay/flags.h"
#include "relay/serve.h"

int main(int argc, char** argv) {
  sotto_relay::Flags flags;
  CLI::App app("Sotto's relay: stores and orders what it cannot read");
  sotto_relay::define(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? sotto_relay::exit_ok : sotto_relay::exit_usage;
  }
  if (!sotto_relay::complete(flags)) return sotto_relay::exit_usage;
  return sotto_relay::serve(flags);
}
