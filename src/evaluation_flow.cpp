// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "checks.hpp"
#include "evaluation.hpp"
#include "utf8.hpp"

#include "opencv2/core/utils/filesystem.hpp"
#include <cstring>
#include <fstream>

namespace cv { namespace semcorr {

// "PIEH" (the number 202021.25), width, height, then (dx, dy) of all pixels; everything little-endian
static std::ifstream openFlow(const String& filename, Size& size)
{
    const int longest = 1 << 16;
    uchar head[12];
    if (utils::fs::isDirectory(filename) || !utils::fs::exists(filename))
        CV_Error(Error::StsObjectNotFound, format("\"%s\" is missing", printable(filename).c_str()));
    std::ifstream file(filename.c_str(), std::ios::binary | std::ios::ate);
    const int64 bytes = (int64)file.tellg();
    file.seekg(0);
    if (!file.read(reinterpret_cast<char*>(head), sizeof(head)) || memcmp(head, "PIEH", 4) != 0)
        CV_Error(Error::StsParseError, format("\"%s\" is no .flo file", printable(filename).c_str()));
    memcpy(&size.width, head + 4, 4);
    memcpy(&size.height, head + 8, 4);
    if (size.width < 1 || size.height < 1 || size.width > longest || size.height > longest ||
        bytes != (int64)sizeof(head) + (int64)size.width * size.height * (int64)sizeof(Point2f))
        CV_Error(Error::StsParseError, format("\"%s\" has %lld bytes, which a flow of %d x %d pixels has not",
                                              printable(filename).c_str(), (long long)bytes, size.width, size.height));
    return file;
}

Size readFlowSize(const String& filename)
{
    Size size;
    openFlow(filename, size);
    return size;
}

void readFlow(const String& filename, OutputArray flow)
{
    Size size;
    std::ifstream file = openFlow(filename, size);
    Mat values(size, CV_32FC2);
    if (!file.read(reinterpret_cast<char*>(values.data), (std::streamsize)(values.total() * values.elemSize())))
        CV_Error(Error::StsError, format("\"%s\" cannot be read to its end", printable(filename).c_str()));
    values.copyTo(flow);
}

static bool isKnown(const Point2f& truth)
{
    const float unknown = 1e9f;
    return std::abs(truth.x) < unknown && std::abs(truth.y) < unknown;  // false for what is not a number, too
}

int countCorrectFlow(InputArray flow, InputArray truth, const Size& size2, const std::vector<double>& alphas,
                     std::vector<int>& correct, InputArray mask)
{
    const Mat f = getField(flow, "flow"), t = truth.getMat(), m = mask.getMat();
    checkSize(size2, "size2");
    checkAlphas(alphas);
    if (t.dims != 2 || t.type() != CV_32FC2 || t.size() != f.size())
        CV_Error(Error::StsUnmatchedSizes, format("truth is %s, expected %dx%d of type CV_32FC2 as flow", shapeOf(t).c_str(),
                                                  f.rows, f.cols));
    if (!m.empty() && (m.dims != 2 || m.type() != CV_8U || m.size() != f.size()))
        CV_Error(Error::StsUnmatchedSizes, format("mask is %s of type %s, expected %dx%d of type CV_8U", shapeOf(m).c_str(),
                                                  typeToString(m.type()).c_str(), f.rows, f.cols));
    int count = 0;
    correct.assign(alphas.size(), 0);
    for (int y = 0; y < f.rows; y++)
        for (int x = 0; x < f.cols; x++)
        {
            const Point2f& right = t.at<Point2f>(y, x);
            if (!isKnown(right) || (!m.empty() && m.at<uchar>(y, x) == 0))
                continue;
            count++;
            const double error = cv::norm(Point2d(f.at<Point2f>(y, x)) - Point2d(right));
            for (size_t a = 0; a < alphas.size(); a++)
                correct[a] += error <= alphas[a] * std::max(size2.width, size2.height);
        }
    return count;
}

}}
