// Something that users do, or that goes wrong with machines and links: a small class that registers itself. A new
// feature adds its file to operations/, a new fault to faults/, and nothing else changes.
//
//   class Rename final : public Operation {
//     std::string_view name() const override { return "rename"; }
//     unsigned since() const override { return 3; }  // the next version: options.h
//     unsigned weight() const override { return 2; }
//     bool run(World& world) override { ... }
//   };
//   const Registered<Rename> rename;
#pragma once

#include <memory>
#include <string_view>
#include <vector>

namespace sotto::sim {

class World;

class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The version of the workload that it came with.
  [[nodiscard]] virtual unsigned since() const { return 1; }
  /// How often it is chosen, relative to others.
  [[nodiscard]] virtual unsigned weight() const = 0;
  /// False if there is nothing to do it with now.
  virtual bool run(World& world) = 0;

  /// All that are registered, by name, so that the order of linking changes nothing.
  static const std::vector<Operation*>& of_users();
  static const std::vector<Operation*>& of_trouble();
  static void add(Operation& operation, bool is_trouble);
};

template <typename T>
class Registered {
 public:
  explicit Registered(bool is_trouble = false) { Operation::add(operation_, is_trouble); }

 private:
  T operation_;
};

}  // namespace sotto::sim
