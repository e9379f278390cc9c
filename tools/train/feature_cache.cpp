// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "feature_cache.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "file_io.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "text.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;
namespace fs = std::filesystem;

namespace train {

// A file: header, Entry for each version, features of each version (cells × channels, half precision), checksum of all this
struct Header
{
    char magic[8];
    int32_t channels, count;
};

struct Entry
{
    int32_t width, height;         // cells
    double warp[Warp::NUMBERS];
};

static const char MAGIC[9] = "scfeat1\n", ENDING[] = ".features";
static const int MAX_SIDE = 1 << 14, MAX_CHANNELS = 1 << 16;

static uint64_t checksum(const char* data, size_t size)
{
    uint64_t sum = size;
    for (size_t i = 0; i < size; i += 8)
    {
        uint64_t word = 0;
        std::memcpy(&word, data + i, std::min((size_t)8, size - i));
        sum = (sum ^ word) * 0x9E3779B97F4A7C15u;
        sum ^= sum >> 29;
    }
    return sum;
}

cv::Mat StoredFeatures::read(int version) const
{
    const Place& place = versions[version];
    const int shape[] = { place.size.height, place.size.width, storedDepth };
    cv::Mat half(3, shape, CV_16F), features;
    std::ifstream stream(file, std::ios::binary);
    stream.seekg((std::streamoff)place.offset);
    if (!stream.read(half.ptr<char>(), (std::streamsize)(half.total() * half.elemSize())))
        CV_Error(cv::Error::StsError, "\"" + printable(file) + "\" has gone or was cut while it was in use; start again "
                                       "with --resume");
    half.convertTo(features, CV_32F);
    return features;
}

static std::string fingerprintOf(const Backbone& backbone)
{
    cv::Mat picture(96, 128, CV_8UC3);
    for (int y = 0; y < picture.rows; y++)
        for (int x = 0; x < picture.cols; x++)
            picture.at<cv::Vec3b>(y, x) = cv::Vec3b((uchar)(2 * x), (uchar)((x / 8 + y / 8) % 2 * 200), (uchar)(2 * y));
    const cv::Mat features = backbone.computeOnce(picture);
    const std::string sha = cv::semcorr::sha256(features.data, features.total() * features.elemSize());
    // sizes of other pictures depend on the stride of the whole net, which is not seen in what a part of it gives
    return backbone.blocks ? sha + cv::format(" stride %d", backbone.before->getParams().stride) : sha;
}

// What decides which size a picture gets. Many sizes are one for the picture of the fingerprint.
static std::string sizesOf(const Backbone& backbone)
{
    const cv::semcorr::FeatureNet::Params params = (backbone.blocks ? backbone.before : backbone.net)->getParams();
    return cv::format("longest side %d, input %d x %d, stride %d", params.longestSide, params.inputSize.width, params.inputSize.height,
                      params.stride);
}

FeatureCache::FeatureCache(const std::string& folder_, double limit_, const Backbone& backbone_)
    : folder(folder_), limit(limit_), started((int64_t)std::time(nullptr)), total(0), shareRank(0), shareCount(1), asked(0),
      backbone(backbone_), fingerprint(fingerprintOf(backbone_))
{
    fs::create_directories(folder);
    measure();
}

void FeatureCache::measure()
{
    std::error_code error;
    total = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
        if (entry.path().extension() == ENDING)
            total += (double)entry.file_size(error);
}

void FeatureCache::setShare(int rank, int count)
{
    shareRank = rank;
    shareCount = count;
    asked = 0;
    measure();
}

StoredFeatures FeatureCache::get(const std::string& recipe, int count, const std::string& name, const Decode& decode, const Make& make)
{
    if (asked++ % shareCount != shareRank)
        return StoredFeatures();
    const std::string text = fingerprint + "\n" + sizesOf(backbone) + "\n" + recipe + cv::format("\n%d", count);
    StoredFeatures stored;
    stored.file = (fs::path(folder) / (cv::semcorr::sha256(text.data(), text.size()).substr(0, 32) + ENDING)).string();
    if (!load(stored, count))
    {
        const std::string content = compute(name, decode(), count, make);
        makeRoom((double)content.size());
        cv::semcorr::saveBytes(stored.file, content);
        total += (double)content.size() * shareCount;  // the others write as much meanwhile
        if (!load(stored, count))
            CV_Error(cv::Error::StsError, "\"" + printable(stored.file) + "\" cannot be read again after it was written");
    }
    std::error_code ignored;
    fs::last_write_time(stored.file, fs::file_time_type::clock::now(), ignored);  // used now
    return stored;
}

// False for a file that is missing or damaged
bool FeatureCache::load(StoredFeatures& stored, int count) const
{
    std::ifstream stream(stored.file, std::ios::binary | std::ios::ate);
    if (!stream)
        return false;
    std::vector<char> content((size_t)std::max((std::streamoff)0, (std::streamoff)stream.tellg()));
    stream.seekg(0);
    Header header;
    uint64_t sum;
    size_t at = sizeof(Header) + count * sizeof(Entry);
    if (content.size() < at + sizeof(sum) || !stream.read(content.data(), (std::streamsize)content.size()))
        return false;
    std::memcpy(&header, content.data(), sizeof(header));
    std::memcpy(&sum, content.data() + content.size() - sizeof(sum), sizeof(sum));
    if (std::memcmp(header.magic, MAGIC, 8) != 0 || header.count != count || header.channels < 1 ||
        header.channels > MAX_CHANNELS || checksum(content.data(), content.size() - sizeof(sum)) != sum)
        return false;
    stored.storedDepth = header.channels;
    stored.depth = backbone.channels;
    stored.versions.clear();
    for (int i = 0; i < count; i++)
    {
        Entry entry;
        std::memcpy(&entry, content.data() + sizeof(Header) + i * sizeof(Entry), sizeof(entry));
        if (entry.width < 1 || entry.height < 1 || entry.width > MAX_SIDE || entry.height > MAX_SIDE)
            return false;
        const Warp warp(std::vector<double>(entry.warp, entry.warp + Warp::NUMBERS));
        const cv::Size size(entry.width, entry.height);
        stored.versions.push_back(StoredFeatures::Place{ warp, size, backbone.blocks ? backbone.blocks->grid(size) : size, at });
        at += (size_t)entry.width * entry.height * header.channels * 2;
    }
    return at + sizeof(sum) == content.size();
}

std::string FeatureCache::compute(const std::string& name, const cv::Mat& picture, int count, const Make& make) const
{
    try
    {
        return contentOf(picture, count, make);
    }
    catch (const cv::Exception& e)
    {
        CV_Error(e.code, cv::format("picture \"%s\" of %d x %d pixels: ", printable(name).c_str(), picture.cols, picture.rows) +
                         messageOf(e));
    }
}

// Of a file
std::string FeatureCache::contentOf(const cv::Mat& picture, int count, const Make& make) const
{
    Header header;
    std::memcpy(header.magic, MAGIC, 8);
    header.count = count;
    std::string entries, features;
    for (int i = 0; i < count; i++)
    {
        const Version version = make(picture, i);
        cv::Mat half;
        backbone.computeOnce(version.image).convertTo(half, CV_16F);
        Entry entry;
        entry.width = half.size[1];
        entry.height = half.size[0];
        const std::vector<double> numbers = version.warp.toNumbers();
        std::copy(numbers.begin(), numbers.end(), entry.warp);
        header.channels = half.size[2];
        entries.append(reinterpret_cast<const char*>(&entry), sizeof(entry));
        features.append(half.ptr<char>(), half.total() * half.elemSize());
    }
    std::string content(reinterpret_cast<const char*>(&header), sizeof(header));
    content += entries + features;
    const uint64_t sum = checksum(content.data(), content.size());
    return content.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
}

void FeatureCache::makeRoom(double bytes)
{
    if (total + bytes <= limit)
        return;
    std::error_code error;
    std::vector<std::pair<fs::file_time_type, fs::path> > files;
    const fs::file_time_type now = fs::file_time_type::clock::now();
    const fs::file_time_type start = now - std::chrono::seconds((int64_t)std::time(nullptr) - started + 1);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
        if (entry.path().extension() == ENDING && entry.last_write_time(error) < start)
            files.push_back(std::make_pair(entry.last_write_time(error), entry.path()));
    std::sort(files.begin(), files.end());
    for (size_t i = 0; i < files.size() && total + bytes > limit; i++)
    {
        const double size = (double)fs::file_size(files[i].second, error);
        if (fs::remove(files[i].second, error))
            total -= size;
    }
    if (total + bytes > limit)
        CV_Error(cv::Error::StsNoMem, cv::format("the features of this run take more than %.3g GB in \"%s\", expected at most that "
                                                 "(--cache-limit); fewer --versions or --photo-count take less", limit / 1e9,
                                                 printable(folder).c_str()));
}

}
