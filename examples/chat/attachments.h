// Files, pictures and voice notes in chats: sent from paths, numbered for the person, and saved as files.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "chat/background.h"
#include "sotto/client.h"

namespace chat {

class Attachments {
 public:
  Attachments(sotto::Client& client, std::shared_ptr<sotto::Executor> executor)
      : client_(client), background_(std::move(executor)) {}

  /// The number under which a person speaks of an attachment, from 1 on, for this run.
  std::size_t number(const sotto::Message& message, std::size_t index) {
    return number(Place{message.chat, message.id, static_cast<std::uint32_t>(index)});
  }
  std::size_t number(const sotto::AttachmentProgress& progress) {
    return number(Place{progress.chat, progress.message, progress.index});
  }

  /// Sends a file; without a kind, as what its name's ending says. `done` gets the message's id when it is on disk.
  void send(const sotto::ChatId& chat, const std::string& path, std::optional<sotto::AttachmentKind> kind,
            std::string caption, sotto::Completion<std::string> done);
  /// Writes an attachment into a new file, after fetching it if it must be, and gives the file's path. `path` may be a
  /// folder, or empty for the working one: then the file is named as its sender says, if that is safe, and differently
  /// if the name is taken.
  void save(const std::string& number, const std::string& path, sotto::Completion<std::string> done);
  void transfer(const std::string& number, sotto::TransferAction action, sotto::Completion<void> done);
  /// Asks the sender for one that has expired.
  void request(const std::string& number, sotto::Completion<void> done);
  /// Sends the message of one to another chat, with all that it has. `done` gets the new message's id.
  void forward(const std::string& number, const sotto::ChatId& to, sotto::Completion<std::string> done);

 private:
  struct Place {
    sotto::ChatId chat;
    sotto::ClientMessageId message;
    std::uint32_t index = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  std::size_t number(const Place& place);
  sotto::Result<Place> find(const std::string& number) const;
  void write(const Place& place, const std::vector<std::string>& paths, const sotto::Completion<std::string>& done);

  sotto::Client& client_;
  std::vector<Place> places_;
  std::map<Place, std::size_t> numbers_;
  Background background_;
};

/// What a file is sent as, by its name's ending.
struct FileType {
  sotto::AttachmentKind kind = sotto::AttachmentKind::document;
  std::string_view mime_type;
};
FileType type_of(const std::string& path);

/// Names for a file that was sent, best first: none hidden, none an option, none with what steers a terminal.
std::vector<std::string> file_names(const sotto::AttachmentInfo& info, std::size_t number);

}  // namespace chat
