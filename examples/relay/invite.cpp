#include "relay/invite.h"

#include <cstdio>
#include <ctime>

#include "relay/exit_code.h"
#include "relay/maintenance.h"

namespace sotto_relay {

namespace {

std::string time_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%MZ", &utc);
  return text;
}

}  // namespace

void define(CLI::App& app, Invite& invite) {
  app.fallthrough();
  app.require_subcommand(1);
  invite.create =
      app.add_subcommand("create", "Make an invitation and print its text, which is stored nowhere")->fallthrough();
  invite.create->add_option("--uses", invite.uses, "How many people can use it")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  invite.create->add_option("--expires-days", invite.expires_days, "How long it is good")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  invite.list = app.add_subcommand("list", "Print all invitations: id, uses, used, made, good until")->fallthrough();
  invite.revoke = app.add_subcommand("revoke", "Take an invitation back")->fallthrough();
  invite.revoke->add_option("invitation", invite.which, "Its id, or its text")->required();
}

int run(const Invite& invite, const Flags& flags) {
  const auto& folder = flags.relay.data_dir;
  if (invite.create->parsed()) {
    const auto text = sotto::Relay::create_invite(folder, invite.uses, std::chrono::hours(24) * invite.expires_days);
    if (!text.ok()) return give_up(text.error(), flags);
    std::printf("%s\n", text->c_str());
    return exit_ok;
  }
  if (invite.revoke->parsed()) {
    const auto done = sotto::Relay::revoke_invite(folder, invite.which);
    if (!done.ok()) return give_up(done.error(), flags);
    std::printf("revoked\n");
    return exit_ok;
  }
  const auto all = sotto::Relay::invites(folder);
  if (!all.ok()) return give_up(all.error(), flags);
  for (const auto& one : *all) {
    std::printf("%s uses %u used %u made %s until %s\n", one.id.c_str(), one.uses, one.used,
                time_text(one.created_at).c_str(), time_text(one.expires_at).c_str());
  }
  return exit_ok;
}

}  // namespace sotto_relay
