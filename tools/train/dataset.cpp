// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "dataset.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "file_io.hpp"
#include "photos.hpp"
#include "utf8.hpp"

using cv::semcorr::ImagePair;
using cv::semcorr::printable;

namespace train {

std::vector<cv::Point2f> toPoints(const cv::Mat& points)
{
    std::vector<cv::Point2f> result;
    if (!points.empty())  // iterators of an empty matrix divide by its step of 0
        result.assign(points.begin<cv::Point2f>(), points.end<cv::Point2f>());
    return result;
}

std::string Dataset::size() const
{
    return cv::format("%d pairs of %d pictures in %d categories", (int)pairs.size(), (int)pictures.size(), (int)categories.size());
}

static std::string join(const std::set<std::string>& names)
{
    std::string s;
    for (const std::string& name : names)
        s += (s.empty() ? "" : ", ") + printable(name);
    return s;
}

static std::vector<ImagePair> selectPairs(const std::vector<ImagePair>& pairs, const std::vector<std::string>& only,
                                          const std::vector<std::string>& without)
{
    std::set<std::string> present;
    for (const ImagePair& pair : pairs)
        present.insert(pair.category);
    for (const std::vector<std::string>* names : { &only, &without })
        for (const std::string& name : *names)
            if (!present.count(name))
                CV_Error(cv::Error::StsBadArg, "no pair is of category \"" + printable(name) + "\", expected one of " +
                                               join(present));
    std::vector<ImagePair> selected;
    for (const ImagePair& pair : pairs)
    {
        const bool wanted = only.empty() || std::find(only.begin(), only.end(), pair.category) != only.end();
        if (wanted && std::find(without.begin(), without.end(), pair.category) == without.end())
            selected.push_back(pair);
    }
    if (selected.empty())
        CV_Error(cv::Error::StsBadArg, "no pairs are left, expected a category that is not left out");
    return selected;
}

// Index of the picture, which gets the points that are new
static int addPicture(Dataset& data, std::map<std::pair<std::string, bool>, int>& known, const std::string& path, bool mirrored,
                      const cv::Mat& points)
{
    const auto added = known.insert(std::make_pair(std::make_pair(path, mirrored), (int)data.pictures.size()));
    if (added.second)
        data.pictures.push_back(Picture{ path, mirrored, std::vector<cv::Point2f>() });
    std::vector<cv::Point2f>& all = data.pictures[added.first->second].points;
    for (const cv::Point2f& point : toPoints(points))
        if (std::find(all.begin(), all.end(), point) == all.end())
            all.push_back(point);
    return added.first->second;
}

// Sizes of pictures, each read once
class PictureSizes
{
public:
    cv::Size get(const std::string& path, const cv::Size& known)
    {
        if (!known.empty())
            return known;
        cv::Size& size = sizes[path];  // readPairs knows those of JPEG and PNG files
        if (size.empty())
            size = decodePicture(cv::semcorr::loadBytes(path, 1 << 28), path).size();
        return size;
    }

private:
    std::map<std::string, cv::Size> sizes;
};

double distanceOutside(const cv::Point2f& point, const cv::Size& picture)
{
    return std::max({ -point.x, -point.y, point.x - (picture.width - 1), point.y - (picture.height - 1) });
}

// Counts points outside of their pictures' pixels and describes the one farthest outside.
struct PointsOutside
{
    void look(const ImagePair& pair, int picture, const cv::Mat& points, const cv::Size& size)
    {
        const std::vector<cv::Point2f> all = toPoints(points);
        total += (int)all.size();
        for (size_t i = 0; i < all.size(); i++)
        {
            const cv::Point2f p = all[i];
            const double distance = distanceOutside(p, size);
            count += distance > PIXEL_EDGE;
            if (distance <= std::max(PIXEL_EDGE, farthest))
                continue;
            farthest = distance;
            which = cv::format("a point in picture %d of the pair \"%s\" is at (%g, %g), expected it in the picture's %d x %d pixels",
                               picture, printable(pair.id).c_str(), p.x, p.y, size.width, size.height);
        }
    }

    int count = 0, total = 0;
    double farthest = 0;  // pixels, see distanceOutside
    std::string which;
};

// Throws, or returns a warning.
static std::string checkPoints(const std::vector<ImagePair>& pairs, bool strict)
{
    static const double TOLERANCE = 1;  // pixels: a list that counts them from 1 is no mistake worth stopping for
    PictureSizes sizes;
    PointsOutside outside;
    for (const ImagePair& pair : pairs)
    {
        outside.look(pair, 1, pair.points1, sizes.get(pair.image1, pair.size1));
        outside.look(pair, 2, pair.points2, sizes.get(pair.image2, pair.size2));
    }
    if (outside.count == 0)
        return std::string();
    const std::string text = outside.which + cv::format("; %d of the %d points of all pairs lie outside", outside.count, outside.total);
    if (strict && outside.farthest > TOLERANCE)
        CV_Error(cv::Error::StsOutOfRange, text);
    return "WARNING: " + text + "; training leaves them out, PCK counts them";
}

Dataset readDataset(const std::string& format, const std::string& root, const std::string& split,
                    const std::vector<std::string>& only, const std::vector<std::string>& without)
{
    std::vector<ImagePair> all;
    cv::semcorr::readPairs(format, root, split, all);
    Dataset data;
    data.pairs = selectPairs(all, only, without);
    data.warning = checkPoints(data.pairs, format == "csv");
    std::map<std::pair<std::string, bool>, int> known;
    std::map<std::string, std::vector<int> > byCategory;
    for (size_t i = 0; i < data.pairs.size(); i++)
    {
        const ImagePair& pair = data.pairs[i];
        data.picture1.push_back(addPicture(data, known, pair.image1, pair.flip1, pair.points1));
        data.picture2.push_back(addPicture(data, known, pair.image2, pair.flip2, pair.points2));
        byCategory[pair.category].push_back((int)i);
    }
    for (const auto& category : byCategory)
    {
        data.categories.push_back(category.first);
        data.ofCategory.push_back(category.second);
    }
    return data;
}

// However it is spelt in a list
static std::string fileOf(const Picture& picture)
{
    std::error_code ignored;
    const std::filesystem::path file = std::filesystem::canonical(picture.path, ignored);
    return ignored ? picture.path : file.string();
}

std::string sharedWarning(const Dataset& trained, const Dataset& validated)
{
    std::set<std::string> known, other, shared;
    for (const Picture& picture : trained.pictures)
        known.insert(fileOf(picture));
    for (const Picture& picture : validated.pictures)
    {
        const std::string file = fileOf(picture);
        (known.count(file) ? shared : other).insert(file);
    }
    if (shared.empty())
        return std::string();
    return cv::format("WARNING: %d of the %d pictures to validate on are trained on, too, such as \"%s\"; PCK on them tells little of "
                      "other pictures", (int)shared.size(), (int)(other.size() + shared.size()), printable(*shared.begin()).c_str());
}

std::string sha256Of(const std::vector<ImagePair>& pairs)
{
    std::string text;
    for (const ImagePair& pair : pairs)
    {
        text += pair.id + "\n" + pair.category + "\n";
        for (const cv::Mat& points : { pair.points1, pair.points2 })
        {
            for (const cv::Point2f& p : toPoints(points))
                text += cv::format("%.9g %.9g ", p.x, p.y);
            text += "\n";
        }
    }
    return cv::semcorr::sha256(text.data(), text.size());
}

cv::Mat decodePicture(const std::vector<uchar>& bytes, const Picture& picture)
{
    const cv::Mat image = decodePicture(bytes, picture.path);
    if (!picture.mirrored)
        return image;
    cv::Mat mirrored;
    cv::flip(image, mirrored, 1);
    return mirrored;
}

}
