// gdb's --return-child-result, where a recorded program stays just before its end.
#pragma once

namespace fred::remote {

/// gdb ends with the exit status that the last program to exit has been reported with, or with 255. What it has not
/// been told is the status of one that stands, or has stood, just before its end.
class ChildResult {
 public:
  void comes_to_end(int status) { programs_ = status & 0xff; }
  void is_reported(int status) { programs_ = gdbs_ = status & 0xff; }
  /// gdb has ended with `status`: another one than it knows is that of an error or an explicit `quit`.
  int instead_of(int status) const { return status == gdbs_ ? programs_ : status; }

 private:
  int gdbs_ = 255, programs_ = 255;
};

}  // namespace fred::remote
