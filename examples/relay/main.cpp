// The relay as a server of its own: flags, environment or a file, log lines, and an orderly end.
//
//     sotto-relay --dev
//     sotto-relay --data /var/lib/sotto --listen 0.0.0.0 --port 443 --cert cert.pem --key key.pem
//     sotto-relay doctor --data /var/lib/sotto --cert cert.pem --key key.pem
//     sotto-relay backup --data /var/lib/sotto --to /var/backups/sotto
//     sotto-relay invite create --data /var/lib/sotto --uses 5 --expires-days 7
//     sotto-relay restore --from /var/backups/sotto/relay-20260102T030405Z.db --data /var/lib/sotto
#include "relay/exit_code.h"
#include "relay/flags.h"
#include "relay/invite.h"
#include "relay/maintenance.h"
#include "relay/serve.h"

int main(int argc, char** argv) {
  using namespace sotto_relay;
  Flags flags;
  CLI::App app("Sotto's relay: stores and orders what it cannot read");
  define(app, flags);
  app.require_subcommand(0, 1);
  std::string to;
  std::string from;
  auto* doctor = app.add_subcommand("doctor", "Look at clock, certificate, disk and limits, and end")->fallthrough();
  auto* backup = app.add_subcommand("backup", "Copy the store, also while a relay uses it")->fallthrough();
  backup->add_option("--to", to, "A new file, or a folder that gets one named after the time")->required();
  auto what = sotto::RelayBackup::with_attachments;
  backup->add_flag_callback(
      "--without-attachments", [&what] { what = sotto::RelayBackup::without_attachments; },
      "Leave out the attachments, which are most of it");
  auto* restoring = app.add_subcommand("restore", "Make the data folder of a backup")->fallthrough();
  restoring->add_option("--from", from, "The file of the backup")->required();
  Invite invite;
  auto* inviting = app.add_subcommand("invite", "Make, list or revoke invitations, also while the relay runs");
  define(*inviting, invite);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  if (!complete(flags)) return exit_usage;
  if (doctor->parsed()) return examine(flags);
  if (backup->parsed()) return back_up(flags, to, what);
  if (restoring->parsed()) return restore(flags, from);
  if (inviting->parsed()) return run(invite, flags);
  return serve(flags);
}
