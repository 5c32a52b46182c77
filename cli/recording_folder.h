// The folder of a recording: its log and the stand-ins of mapped files.
#pragma once
#include <string>

#include "core/base/error.h"

namespace fred {

class RecordingFolder {
 public:
  /// `keep`: the folder's path; empty: a temporary one under TMPDIR, which goes away with this object.
  static Result<RecordingFolder> make(const std::string& keep);
  RecordingFolder(RecordingFolder&& o) noexcept;
  RecordingFolder& operator=(RecordingFolder&&) = delete;
  ~RecordingFolder();
  const std::string& path() const { return path_; }

 private:
  RecordingFolder(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  std::string path_;
  bool temporary_;
};

}  // namespace fred
