// Random groups from fixed seeds: all members agree after each commit, messages arrive in any order, those who were
// removed read nothing more, and loading a group again makes no difference.
#include <map>

#include "group_fixture.h"

using namespace sotto;
using namespace sotto::mls;
using namespace sotto::mls::test;

namespace {

constexpr std::size_t most_members = 40;

class RandomGroup {
 public:
  explicit RandomGroup(std::uint64_t seed) : world_(seed) {
    members_.push_back(std::make_unique<Device>(world_.founder("0")));
    while (members_.size() < 2) commit_something();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      maybe_reload();
      const auto choice = world_.random.below(10);
      if (choice < 4) {
        send();
      } else if (choice < 7) {
        deliver(world_.random.below(12));
      } else {
        commit_something();
        agree();
      }
    }
    deliver(in_flight_.size());
  }

 private:
  struct InFlight {
    std::string receiver;
    std::string text;
    Bytes message;
    std::uint64_t epoch;
  };

  Device& any() { return *members_[world_.random.below(members_.size())]; }
  bool one_in(std::uint64_t n) { return world_.random.below(n) == 0; }
  void maybe_reload() {
    if (one_in(3)) any().reload();
  }

  void send() {
    auto& sender = any();
    const auto text = "message " + std::to_string(++counter_);
    const auto message = world_.say(sender, text);
    for (const auto& member : members_) {
      if (member.get() != &sender) in_flight_.push_back({member->name, text, message, sender.group->epoch()});
    }
    for (const auto& gone : removed_) CHECK_FALSE(gone->group->open(message).ok());
  }

  /// Some of what is under way, in random order.
  void deliver(std::size_t count) {
    for (; count > 0 && !in_flight_.empty(); --count) {
      std::swap(in_flight_[world_.random.below(in_flight_.size())], in_flight_.back());
      const auto item = std::move(in_flight_.back());
      in_flight_.pop_back();
      for (const auto& member : members_) {
        if (member->name != item.receiver) continue;
        if (item.epoch + limits::past_epochs < member->group->epoch()) {
          REQUIRE(member->group->open(item.message).code() == ErrorCode::WRONG_EPOCH);
        } else {
          REQUIRE(World::read(*member, item.message) == item.text);
          REQUIRE(member->group->open(item.message).code() == ErrorCode::KEY_CONSUMED);
        }
      }
    }
  }

  CommitSpec random_spec(const Device& committer, std::vector<std::unique_ptr<Device>>& joiners) {
    CommitSpec spec;
    if (members_.size() < most_members && (one_in(2) || members_.size() < 2)) {
      const auto count = 1 + world_.random.below(one_in(4) ? 12 : 2);
      for (std::uint64_t i = 0; i < count && members_.size() + joiners.size() < most_members; ++i) {
        joiners.push_back(std::make_unique<Device>(world_.device(std::to_string(++names_))));
        spec.adds.push_back(joiners.back()->key_package());
      }
    }
    if (members_.size() > 2 && one_in(2)) {
      for (std::uint64_t i = 1 + world_.random.below(3); i > 0 && members_.size() > i + 1; --i) {
        const auto& victim = any();
        const auto index = victim.group->own_leaf_index();
        const bool again = std::find(spec.removes.begin(), spec.removes.end(), index) != spec.removes.end();
        if (&victim != &committer && !again) spec.removes.push_back(index);
      }
    }
    if (one_in(4)) spec.group_context_extensions = Extensions{{0xf001, to_bytes(std::to_string(++counter_))}};
    if (one_in(4)) spec.new_leaf.signature_key = crypto::generate_signature_key(world_.random);
    return spec;
  }

  void commit_something() {
    auto& committer = any();
    std::vector<std::unique_ptr<Device>> joiners;
    auto spec = random_spec(committer, joiners);
    propose_updates(committer, spec);
    // Others may have staged something as well; it loses.
    if (one_in(3)) must(any().group->stage_commit({}, world_.random));
    const auto staged = must(committer.group->stage_commit(spec, world_.random));
    if (one_in(2)) committer.reload();
    if (!joiners.empty()) {
      const auto tree = one_in(2) ? TreeInWelcome::included : TreeInWelcome::left_out;
      const auto welcome = must(committer.group->make_welcome(staged.id, {}, tree, world_.random));
      const auto external = must(committer.group->ratchet_tree_of_pending(staged.id));
      for (auto& joiner : joiners) world_.join(*joiner, *welcome.only_for(joiner->key_package().ref()), external);
    }
    must(committer.group->merge_pending(staged.id, at(1)));
    std::vector<std::unique_ptr<Device>> stay;
    for (auto& member : members_) {
      const auto outcome = member.get() == &committer ? ApplyOutcome::advanced : World::follow(*member, staged.message);
      (outcome == ApplyOutcome::removed ? removed_ : stay).push_back(std::move(member));
    }
    for (auto& joiner : joiners) stay.push_back(std::move(joiner));
    members_ = std::move(stay);
  }

  /// Updates by reference of members that the commit does not remove.
  void propose_updates(const Device& committer, CommitSpec& spec) {
    for (const auto& member : members_) {
      const auto index = member->group->own_leaf_index();
      const bool goes = std::find(spec.removes.begin(), spec.removes.end(), index) != spec.removes.end();
      if (member.get() == &committer || goes || !one_in(8)) continue;
      NewLeaf changes;
      if (one_in(2)) changes.signature_key = crypto::generate_signature_key(world_.random);
      const auto message = must(member->group->propose_update(changes, {}, world_.random));
      for (const auto& other : members_) {
        if (other == member) continue;
        const auto opened = must(other->group->open(message));
        if (other.get() == &committer) spec.proposal_refs.push_back(std::get<ProposalReceived>(opened).ref);
      }
    }
  }

  void agree() {
    std::vector<Device*> all;
    for (const auto& member : members_) all.push_back(member.get());
    require_agreement(all);
    REQUIRE(all.front()->group->members().size() == all.size());
  }

  World world_;
  std::vector<std::unique_ptr<Device>> members_;
  std::vector<std::unique_ptr<Device>> removed_;
  std::vector<InFlight> in_flight_;
  int counter_ = 0;
  int names_ = 0;
};

}  // namespace

TEST_CASE("Random groups agree", "[mls][random]") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    INFO("seed " << seed);
    RandomGroup(seed).run(60);
  }
}

TEST_CASE("What was loaded again is what was in memory", "[mls][random]") {
  World world(9);
  auto alice = world.founder("alice");
  auto bob = world.device("bob");
  auto carol = world.device("carol");
  world.gather(alice, {&bob, &carol});
  for (int i = 0; i < 8; ++i) {
    world.commit(i % 2 == 0 ? bob : alice, {}, {&alice, &bob, &carol});
    const auto loaded = must(Group::load(*carol.storage));
    CHECK(loaded.epoch() == carol.group->epoch());
    CHECK(encode(loaded.context()) == encode(carol.group->context()));
    CHECK(loaded.ratchet_tree() == carol.group->ratchet_tree());
    CHECK(loaded.own_leaf_index() == carol.group->own_leaf_index());
    CHECK(loaded.past_epochs() == carol.group->past_epochs());
    CHECK(equal(loaded.epoch_authenticator(), carol.group->epoch_authenticator()));
  }
}
