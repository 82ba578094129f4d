// Who there is: handles, device lists, key packages.
#pragma once

#include "relay/state.h"

namespace sotto::relay {

class Session;

class Directory {
 public:
  Directory(State& state, Session& session) : s_(state), session_(session) {}

  Answer find_user(Call& call, const wire::FindUser& request);
  Answer get_device_list(Call& call, const wire::GetDeviceList& request);
  Answer put_device_list(Call& call, const wire::PutDeviceList& request);
  Answer publish(Call& call, const wire::PublishKeyPackages& request);
  Answer take(Call& call, const wire::TakeKeyPackages& request);

 private:
  /// What a taking found for one device, all read.
  struct Found {
    DeviceRef device;
    std::optional<KeyPackageIndex> index;
    Bytes one_time;
    Bytes last_resort;
  };
  /// Reads one device's next key package. False: not there yet, or `failure` is set.
  bool look(Call& call, Found& found, Answer& failure);
  void consume(const Found& found);

  State& s_;
  Session& session_;
  std::set<DeviceRef> low_;
};

}  // namespace sotto::relay
