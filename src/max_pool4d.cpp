// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "checks.hpp"

namespace cv { namespace semcorr {

// The largest value of the k⁴ box that starts at src and its place in the box
static void poolBox(const float* src, int k, const size_t step[4], float& best, Vec4i& place)
{
    best = src[0];
    place = Vec4i(0, 0, 0, 0);
    for (int dy1 = 0; dy1 < k; dy1++)
        for (int dx1 = 0; dx1 < k; dx1++)
            for (int dy2 = 0; dy2 < k; dy2++)
            {
                const float* row = src + dy1 * step[0] + dx1 * step[1] + dy2 * step[2];
                for (int dx2 = 0; dx2 < k; dx2++)
                    if (row[dx2] > best)
                    {
                        best = row[dx2];
                        place = Vec4i(dy1, dx1, dy2, dx2);
                    }
            }
}

void maxPool4d(InputArray corr_, int k, OutputArray dst_, OutputArray offsets_)
{
    CV_INSTRUMENT_REGION();
    const Mat corr = getVolume(corr_, "corr");
    checkRange(k, 1, INT_MAX, "k");
    int shape[5] = { 4 };
    size_t step[4];
    for (int d = 0; d < 4; d++)
    {
        if (corr.size[d] % k)
            CV_Error(Error::StsBadSize, format("corr is %s, expected sides that are multiples of k = %d", shapeOf(corr).c_str(),
                                               k));
        shape[d + 1] = corr.size[d] / k;
        step[d] = corr.step1(d);
    }
    const int w1 = shape[2], h2 = shape[3], w2 = shape[4];
    const size_t total = (size_t)shape[1] * w1 * h2 * w2;
    Mat pooled(4, shape + 1, CV_32F), places(5, shape, CV_32S);
    parallel_for_(Range(0, shape[1] * w1), [&](const Range& range)
    {
        for (int cell1 = range.start; cell1 < range.end; cell1++)
            for (int cell2 = 0; cell2 < h2 * w2; cell2++)
            {
                const size_t corner = k * (cell1 / w1 * step[0] + cell1 % w1 * step[1] + cell2 / w2 * step[2] +
                                           cell2 % w2 * step[3]);
                const size_t i = (size_t)cell1 * h2 * w2 + cell2;
                Vec4i place;
                poolBox(corr.ptr<float>() + corner, k, step, pooled.ptr<float>()[i], place);
                for (int d = 0; d < 4; d++)
                    places.ptr<int>()[d * total + i] = place[d];
            }
    });
    pooled.copyTo(dst_);  // dst may be corr
    places.copyTo(offsets_);
}

// The cell that a field of whole cells holds at p, inside the target grid
static Point wholeCell(const Mat& field, const Point& p, const Size& target)
{
    const Point2f to = field.at<Point2f>(p);
    const bool inside = to.x >= 0 && to.y >= 0 && to.x < target.width && to.y < target.height;
    if (!inside || to.x != std::floor(to.x) || to.y != std::floor(to.y))
        CV_Error(Error::StsOutOfRange, format("field[%d, %d] is (%g, %g), expected a whole cell (x, y) of the %d x %d "
                                              "(width x height) grid", p.y, p.x, to.x, to.y, target.width, target.height));
    return Point((int)to.x, (int)to.y);
}

// dy1, dx1, dy2, dx2 of a pair of coarse cells
static Vec4i placeInBox(const Mat& offsets, const Point& p1, const Point& p2, int k)
{
    Vec4i place;
    for (int d = 0; d < 4; d++)
    {
        const int index[] = { d, p1.y, p1.x, p2.y, p2.x };
        place[d] = offsets.at<int>(index);
        if (place[d] < 0 || place[d] >= k)
            CV_Error(Error::StsOutOfRange, format("offsets[%d, %d, %d, %d, %d] is %d, expected a value in [0, %d)", d, p1.y,
                                                  p1.x, p2.y, p2.x, place[d], k));
    }
    return place;
}

void relocalize(InputArray field_, InputArray offsets_, int k, OutputArray matches_, int direction)
{
    CV_INSTRUMENT_REGION();
    const Mat field = getField(field_, "field"), offsets = offsets_.getMat();
    checkRange(k, 1, INT_MAX, "k");
    checkEnum(direction, FROM_2_TO_1, "direction", "FROM_1_TO_2 (0) or FROM_2_TO_1 (1)");
    if (offsets.dims != 5 || offsets.type() != CV_32S || offsets.size[0] != 4)
        CV_Error(Error::StsBadArg, format("offsets is %s of type %s, expected 4 x h1 x w1 x h2 x w2 of type CV_32S",
                                          shapeOf(offsets).c_str(), typeToString(offsets.type()).c_str()));
    const bool forward = direction == FROM_1_TO_2;
    const Size grid1(offsets.size[2], offsets.size[1]), grid2(offsets.size[4], offsets.size[3]);
    const Size source = forward ? grid1 : grid2, target = forward ? grid2 : grid1;
    if (field.size() != source)
        CV_Error(Error::StsUnmatchedSizes, format("field is %s, expected the %dx%d (height x width) source grid of offsets",
                                                  shapeOf(field).c_str(), source.height, source.width));

    Mat matches(source.area(), 1, CV_32FC4);
    for (int i = 0; i < matches.rows; i++)
    {
        const Point p(i % source.width, i / source.width), q = wholeCell(field, p, target);
        const Point p1 = forward ? p : q, p2 = forward ? q : p;
        const Vec4i d = placeInBox(offsets, p1, p2, k);
        matches.at<Vec4f>(i) = Vec4f((float)p1.x * k + d[1], (float)p1.y * k + d[0], (float)p2.x * k + d[3],
                                     (float)p2.y * k + d[2]);
    }
    matches.copyTo(matches_);
}

}}
