#include "chat/attachments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <memory>

#include "chat/files.h"
#include "chat/picture_file.h"
#include "chat/text.h"

namespace chat {

using sotto::AttachmentKind;
using sotto::Completion;
using sotto::Error;
using sotto::ErrorCode;
using sotto::Result;
using sotto::Status;

namespace {

namespace fs = std::filesystem;

/// Tried before a name that is taken is given up.
constexpr std::size_t most_names = 100;

struct Ending {
  std::string_view ending;
  FileType type;
};
constexpr std::array<Ending, 21> endings{
    {{".jpg", {AttachmentKind::image, "image/jpeg"}},          {".jpeg", {AttachmentKind::image, "image/jpeg"}},
     {".png", {AttachmentKind::image, "image/png"}},           {".gif", {AttachmentKind::image, "image/gif"}},
     {".webp", {AttachmentKind::image, "image/webp"}},         {".bmp", {AttachmentKind::image, "image/bmp"}},
     {".heic", {AttachmentKind::image, "image/heic"}},         {".mp4", {AttachmentKind::video, "video/mp4"}},
     {".mov", {AttachmentKind::video, "video/quicktime"}},     {".mkv", {AttachmentKind::video, "video/x-matroska"}},
     {".webm", {AttachmentKind::video, "video/webm"}},         {".ogg", {AttachmentKind::voice, "audio/ogg"}},
     {".opus", {AttachmentKind::voice, "audio/opus"}},         {".m4a", {AttachmentKind::voice, "audio/mp4"}},
     {".wav", {AttachmentKind::voice, "audio/wav"}},           {".amr", {AttachmentKind::voice, "audio/amr"}},
     {".mp3", {AttachmentKind::document, "audio/mpeg"}},       {".pdf", {AttachmentKind::document, "application/pdf"}},
     {".txt", {AttachmentKind::document, "text/plain"}},       {".zip", {AttachmentKind::document, "application/zip"}},
     {".json", {AttachmentKind::document, "application/json"}}}};

/// What is told of a file: for a picture that can be read, also what it looks like.
sotto::OutgoingAttachment describe(const std::string& path, std::optional<AttachmentKind> kind) {
  const auto type = type_of(path);
  sotto::OutgoingAttachment out;
  out.path = path;
  out.info.name = fs::path(path).filename().string();
  out.info.kind = kind.value_or(type.kind);
  out.info.mime_type = type.mime_type;
  if (out.info.kind != AttachmentKind::image) return out;
  if (const auto picture = read_picture(path)) out.info.thumbnail = to_thumbnail(*picture);
  return out;
}

}  // namespace

FileType type_of(const std::string& path) {
  auto ending = fs::path(path).extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  const auto found = std::ranges::find(endings, ending, &Ending::ending);
  return found == endings.end() ? FileType{} : found->type;
}

std::vector<std::string> file_names(const sotto::AttachmentInfo& info, std::size_t number) {
  auto name = printable_line(info.name);
  std::ranges::replace(name, '/', '_');
  if (name.empty())
    name = std::string(info.kind == AttachmentKind::voice ? "voice note " : "file ") + std::to_string(number);
  if (name.front() == '.' || name.front() == '-') name.insert(0, "_");
  const fs::path whole(name);
  std::vector<std::string> out{name};
  for (std::size_t i = 2; i <= most_names; ++i) {
    out.push_back(whole.stem().string() + " (" + std::to_string(i) + ")" + whole.extension().string());
  }
  return out;
}

std::size_t Attachments::number(const Place& place) {
  const auto [found, is_new] = numbers_.try_emplace(place, places_.size() + 1);
  if (is_new) places_.push_back(place);
  return found->second;
}

Result<Attachments::Place> Attachments::find(const std::string& number) const {
  std::size_t value = 0;
  const auto* end = number.data() + number.size();
  const auto [last, problem] = std::from_chars(number.data(), end, value);
  if (problem != std::errc{} || last != end || value == 0 || value > places_.size()) {
    return Error(ErrorCode::NOT_FOUND, "no attachment has this number");
  }
  return places_[value - 1];
}

void Attachments::send(const sotto::ChatId& chat, const std::string& path, std::optional<AttachmentKind> kind,
                       std::string caption, Completion<std::string> done) {
  background_.post([this, chat, path = expanded(path), kind, caption = std::move(caption),
                    done = std::move(done)](const std::atomic<bool>&) -> Background::Then {
    return [this, chat, caption, done, attachment = describe(path, kind)] {
      auto id = std::make_shared<std::string>();
      const auto sent = client_.send(chat, caption, {attachment}, [id, done](const Status& status) {
        if (!status.ok()) return done(status.error());
        done(*id);
      });
      if (!sent.ok()) return done(sent.error());
      *id = sent->id.to_string();
    };
  });
}

void Attachments::save(const std::string& number, const std::string& path, Completion<std::string> done) {
  const auto place = find(number);
  if (!place.ok()) return done(place.error());
  const auto message = client_.message(place->chat, place->message);
  if (!message.ok()) return done(message.error());
  if (place->index >= message->attachments.size()) return done(Error(ErrorCode::NOT_FOUND));
  std::vector<std::string> paths{expanded(path)};
  std::error_code ignored;
  if (path.empty() || fs::is_directory(paths.front(), ignored)) {
    const auto folder = path.empty() ? fs::current_path(ignored) : fs::path(paths.front());
    paths = file_names(message->attachments[place->index].info, numbers_[*place]);
    for (auto& one : paths) one = (folder / one).string();
  }
  if (client_.open_attachment(place->chat, place->message, place->index).ok()) return write(*place, paths, done);
  client_.transfer(place->chat, place->message, place->index, sotto::TransferAction::start,
                   [this, place = *place, paths, done](const Status& status) {
                     if (!status.ok()) return done(status.error());
                     write(place, paths, done);
                   });
}

void Attachments::write(const Place& place, const std::vector<std::string>& paths,
                        const Completion<std::string>& done) {
  background_.post([&client = client_, place, paths, done](const std::atomic<bool>& stop) -> Background::Then {
    Result<std::string> outcome(ErrorCode::ALREADY_EXISTS);
    for (std::size_t i = 0; i < paths.size() && outcome.code() == ErrorCode::ALREADY_EXISTS; ++i) {
      auto reader = client.open_attachment(place.chat, place.message, place.index);
      if (!reader.ok()) {
        outcome = reader.error();
        break;
      }
      const auto saved = save_attachment(std::move(*reader), paths[i], stop);
      outcome = saved.ok() ? Result<std::string>(paths[i]) : Result<std::string>(saved.error());
    }
    return [done, outcome] { done(outcome); };
  });
}

void Attachments::transfer(const std::string& number, sotto::TransferAction action, Completion<void> done) {
  const auto place = find(number);
  if (!place.ok()) return done(place.error());
  client_.transfer(place->chat, place->message, place->index, action, std::move(done));
}

void Attachments::request(const std::string& number, Completion<void> done) {
  const auto place = find(number);
  if (!place.ok()) return done(place.error());
  client_.request_attachment(place->chat, place->message, place->index, std::move(done));
}

void Attachments::forward(const std::string& number, const sotto::ChatId& to, Completion<std::string> done) {
  const auto place = find(number);
  if (!place.ok()) return done(place.error());
  auto id = std::make_shared<std::string>();
  const auto sent = client_.forward(place->chat, place->message, to, [id, done](const Status& status) {
    if (!status.ok()) return done(status.error());
    done(*id);
  });
  if (!sent.ok()) return done(sent.error());
  *id = sent->id.to_string();
}

}  // namespace chat
