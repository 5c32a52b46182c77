// The folder of a recording.
#pragma once
#include <sys/types.h>

#include <string>

#include "core/base/error.h"
#include "core/memory/unique_fd.h"

namespace fred {

/// A temporary folder goes away with this object, and also if this process is killed: then a small process of its own
/// removes it, once everybody who works in the folder has gone.
class RecordingFolder {
 public:
  /// `keep`: the folder to make and keep; empty: a temporary one. To be called while there is one thread only.
  static Result<RecordingFolder> make(const std::string& keep);
  RecordingFolder(RecordingFolder&& o) noexcept;
  RecordingFolder& operator=(RecordingFolder&&) = delete;
  ~RecordingFolder();

  const std::string& path() const { return path_; }
  /// Whoever works in a temporary folder keeps this descriptor open meanwhile. -1 if the folder is kept.
  int lifeline() const { return lifeline_.get(); }

 private:
  explicit RecordingFolder(std::string path) : path_(std::move(path)) {}
  Result<> watch();

  std::string path_;
  UniqueFd lifeline_;   // writing end of a pipe whose end of file the cleaner sees
  pid_t cleaner_ = -1;  // -1: not temporary
};

}  // namespace fred
