// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "photos.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "opencv2/imgcodecs.hpp"
#include "file_io.hpp"
#include "text.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

static const size_t MAX_PICTURE = 1 << 28;  // bytes of a file

static bool isPictureName(const std::string& name)
{
    const size_t dot = name.find_last_of('.');
    if (dot == std::string::npos)
        return false;
    std::string ending = name.substr(dot + 1);
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return (char)std::tolower(c); });
    return ending == "jpg" || ending == "jpeg" || ending == "png" || ending == "bmp" || ending == "webp";
}

Photos::Photos(const std::string& path_, int most) : path(path_), isArchive(false)
{
    if (!std::filesystem::exists(path))
        CV_Error(cv::Error::StsObjectNotFound, "--photos: \"" + printable(path) + "\" does not exist, expected a folder or a .tar "
                                                "file");
    isArchive = !std::filesystem::is_directory(path);
    isArchive ? listArchive() : listFolder();
    if (files.empty())
        CV_Error(cv::Error::StsObjectNotFound, "--photos: \"" + printable(path) + "\" holds no picture, expected some .jpg or .png "
                                                "files");
    std::sort(files.begin(), files.end(), [](const TarFile& a, const TarFile& b) { return a.name < b.name; });
    if (most > 0 && (size_t)most < files.size())
        files.resize(most);
}

void Photos::listFolder()
{
    for (const std::filesystem::directory_entry& entry : std::filesystem::recursive_directory_iterator(path))
        if (entry.is_regular_file() && isPictureName(entry.path().string()))
            files.push_back(TarFile{ entry.path().string(), 0, -1 });
}

void Photos::listArchive()
{
    for (const TarFile& file : listTar(path))
        if (isPictureName(file.name))
            files.push_back(file);
}

std::string Photos::name(size_t i) const
{
    return isArchive ? path + ":" + files[i].name : files[i].name;
}

std::vector<uchar> Photos::bytes(size_t i) const
{
    if (!isArchive)
        return cv::semcorr::loadBytes(files[i].name, MAX_PICTURE);
    std::vector<uchar> bytes((size_t)files[i].size);
    std::ifstream file(path, std::ios::binary);
    file.seekg(files[i].offset);
    if (!file.read(reinterpret_cast<char*>(bytes.data()), (std::streamsize)bytes.size()))
        CV_Error(cv::Error::StsError, "\"" + printable(name(i)) + "\" cannot be read to its end");
    return bytes;
}

cv::Mat decodePicture(const std::vector<uchar>& bytes, const std::string& name)
{
    cv::Mat image;
    std::string reason;
    try
    {
        if (!bytes.empty())
            image = cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    }
    catch (const cv::Exception& e)  // of a picture larger than it takes
    {
        reason = " (" + printable(messageOf(e)) + ")";
    }
    if (image.empty())
        CV_Error(cv::Error::StsParseError, "\"" + printable(name) + "\" cannot be decoded" + reason + ", expected a picture");
    return image;
}

}
