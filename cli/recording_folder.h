// The folder of a recording.
#pragma once
#include <sys/types.h>

#include <string>

#include "core/base/error.h"
#include "core/memory/unique_fd.h"

namespace fred {

/// If this process is killed, a small process of its own, the cleaner, sees to it that nothing stays behind: it ends
/// the engine and, once everybody who works in the folder has gone, removes a temporary one. Otherwise a temporary
/// folder goes away with this object.
class RecordingFolder {
 public:
  /// `keep`: the folder to make and keep; empty: a temporary one. To be called while there is one thread only.
  static Result<RecordingFolder> make(const std::string& keep);
  /// A temporary one that may become `keep`, which must not be there yet, or be empty. Without `keep`, as make().
  static Result<RecordingFolder> make_to_keep_later(const std::string& keep);
  /// Nobody works in it any more.
  Result<> keep_as(const std::string& keep);
  RecordingFolder(RecordingFolder&& o) noexcept;
  RecordingFolder& operator=(RecordingFolder&&) = delete;
  ~RecordingFolder();

  const std::string& path() const { return path_; }
  /// Whoever works in the folder keeps this descriptor open meanwhile.
  int lifeline() const { return lifeline_.get(); }
  /// The engine does not outlive this process. PR_SET_PDEATHSIG alone does not guarantee that: the kernel forgets it
  /// when the guest changes its credentials, and the guest may change it.
  Result<> guard(pid_t engine);
  /// One that has taken a program over, which outlives this process, hears that this has gone.
  Result<> tell(pid_t engine);
  /// It is no engine any more, and hears nothing.
  void forget(pid_t engine) const;
  /// It hears so now, and no more.
  void bid_farewell(pid_t engine) const;

 private:
  RecordingFolder(std::string path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  static Result<RecordingFolder> make_temporary(std::string name);
  Result<> start_cleaner();
  Result<> give_handle(pid_t engine, u64 fate);
  /// Of one whose handle the cleaner has.
  void tell_fate(pid_t engine, u64 fate) const;

  std::string path_;
  bool temporary_;
  UniqueFd lifeline_;  // writing end of a pipe whose end of file the cleaner sees
  UniqueFd control_;   // socket to the cleaner
  pid_t cleaner_ = -1;
};

}  // namespace fred
