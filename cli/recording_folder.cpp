#include "cli/recording_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace fred {

namespace fs = std::filesystem;

Result<RecordingFolder> RecordingFolder::make(const std::string& keep) {
  std::error_code error;
  if (!keep.empty()) {
    fs::create_directories(fs::path(keep) / "files", error);
    if (error) return fail_errno(error.value(), "cannot make the folder of the recording " + keep);
    if (access(keep.c_str(), W_OK) != 0) return fail_errno(errno, "cannot write into " + keep);
    return RecordingFolder(fs::absolute(keep), false);
  }
  const char* tmp = std::getenv("TMPDIR");
  std::string name = fmt::format("{}/fred-XXXXXX", tmp != nullptr && *tmp != '\0' ? tmp : "/tmp");
  if (mkdtemp(name.data()) == nullptr) return fail_errno(errno, "cannot make a temporary folder " + name);
  fs::create_directory(fs::path(name) / "files", error);
  return RecordingFolder(name, true);
}

RecordingFolder::RecordingFolder(RecordingFolder&& o) noexcept
    : path_(std::move(o.path_)), temporary_(std::exchange(o.temporary_, false)) {}

RecordingFolder::~RecordingFolder() {
  std::error_code ignored;
  if (temporary_) fs::remove_all(path_, ignored);
}

}  // namespace fred
