// Hears at once when somebody opens a file that this process has mapped shared: whoever is to write there from outside
// has to open it first. By inotify, whose descriptor sends a signal of the engine's (take_file_notice() in
// core/signals/kernel_signals.h). Live only.
#pragma once
#include <string>
#include <vector>

#include "core/tree/writers.h"

namespace fred {

class OpenNotices {
 public:
  /// The file mapped at `range` of this process, of which `path` may be the name. Without permission, or where it has
  /// no name that leads to it any more, nothing is heard of it.
  void watch(const MappedObject& object, const std::string& path, GuestRange range);
  /// Takes what has come since.
  void take();
  /// Hears of nothing any more.
  void stop();

 private:
  bool begin();

  int descriptor_ = -1;
  i32 owner_ = 0;  // the process that gets the signal: a forked child begins anew
  std::vector<MappedObject> watched_;
};

}  // namespace fred
