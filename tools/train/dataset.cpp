// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "dataset.hpp"

#include <algorithm>
#include <map>
#include <set>

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

Dataset readDataset(const std::string& format, const std::string& root, const std::string& split,
                    const std::vector<std::string>& only, const std::vector<std::string>& without)
{
    std::vector<ImagePair> all;
    cv::semcorr::readPairs(format, root, split, all);
    Dataset data;
    data.pairs = selectPairs(all, only, without);
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
