// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "checks.hpp"
#include "refine.hpp"

namespace cv { namespace semcorr {

void scoresAround(const float* scores, const Size& grid2, const Point& target, float* around)
{
    for (int y = target.y - AROUND_RADIUS; y <= target.y + AROUND_RADIUS; y++)
        for (int x = target.x - AROUND_RADIUS; x <= target.x + AROUND_RADIUS; x++)
        {
            const bool inside = (unsigned)x < (unsigned)grid2.width && (unsigned)y < (unsigned)grid2.height;
            *around++ = inside ? scores[(size_t)y * grid2.width + x] : -FLT_MAX;
        }
}

// Vertex of the parabola through three scores, relative to the middle one, which is the largest; in [−½, ½].
// At the border there is no neighbour to fit through: the cell's centre stays.
static float vertex(float left, float middle, float right)
{
    if (left == -FLT_MAX || right == -FLT_MAX)
        return 0;
    const float curvature = left - 2 * middle + right;
    return curvature < 0 ? std::min(0.5f, std::max(-0.5f, 0.5f * (left - right) / curvature)) : 0.f;
}

static Point2f softArgmax(const float* around)
{
    const float best = around[AROUND / 2];
    double sum = 0, sumX = 0, sumY = 0;
    for (int i = 0; i < AROUND; i++)
    {
        const double w = around[i] == -FLT_MAX ? 0. : std::exp((double)around[i] - best);
        sum += w;
        sumX += w * (i % AROUND_SIDE - AROUND_RADIUS);
        sumY += w * (i / AROUND_SIDE - AROUND_RADIUS);
    }
    return Point2f((float)(sumX / sum), (float)(sumY / sum));
}

Point2f refineMatch(const float* around, const Point& target, int mode)
{
    const float* s = around + AROUND / 2;
    Point2f shift(0, 0);
    if (mode == REFINE_PARABOLA)
        shift = Point2f(vertex(s[-1], s[0], s[1]), vertex(s[-AROUND_SIDE], s[0], s[AROUND_SIDE]));
    else if (mode == REFINE_SOFT_ARGMAX)
        shift = softArgmax(around);
    return Point2f(target) + shift;
}

// Left one of the two cells to interpolate between. The outermost pair also serves positions beyond, with weights outside [0, 1].
static int leftCell(double position, int cells)
{
    return std::max(0, std::min(cvFloor(position), cells - 2));
}

Point2f sampleField(const Mat& field, double x, double y)
{
    const int x0 = leftCell(x, field.cols), y0 = leftCell(y, field.rows);
    const int x1 = std::min(x0 + 1, field.cols - 1), y1 = std::min(y0 + 1, field.rows - 1);
    const double u = x - x0, v = y - y0;
    const Point2f *top = field.ptr<Point2f>(y0), *bottom = field.ptr<Point2f>(y1);
    // one row or column of cells: top and bottom (left and right) are the same value, whatever the weight
    return Point2f((float)((1 - v) * ((1 - u) * top[x0].x + u * top[x1].x) + v * ((1 - u) * bottom[x0].x + u * bottom[x1].x)),
                   (float)((1 - v) * ((1 - u) * top[x0].y + u * top[x1].y) + v * ((1 - u) * bottom[x0].y + u * bottom[x1].y)));
}

static bool isBeyond(double position, int cells)
{
    return position < 0 || position > cells - 1;
}

static float clampTo(float pixel, int side)
{
    return std::min(std::max(pixel, -0.5f), side - 0.5f);
}

// Position in image 2, in pixels, of a position in source cells
static Point2f targetPixel(const Mat& field, double x, double y, const Size& grid2, const Size& size2)
{
    const Point2f cell = sampleField(field, x, y);
    Point2f pixel(cellToPixel(cell.x, grid2.width, size2.width), cellToPixel(cell.y, grid2.height, size2.height));
    if (isBeyond(x, field.cols) || isBeyond(y, field.rows))
        pixel = Point2f(clampTo(pixel.x, size2.width), clampTo(pixel.y, size2.height));
    return pixel;
}

void fieldToFlow(InputArray field, const Size& size1, const Size& grid2, const Size& size2, OutputArray flow)
{
    CV_INSTRUMENT_REGION();
    const Mat f = getField(field, "field");
    checkSize(size1, "size1");
    checkSize(grid2, "grid2");
    checkSize(size2, "size2");
    Mat result(size1, CV_32FC2);
    parallel_for_(Range(0, size1.height), [&](const Range& range)
    {
        for (int y = range.start; y < range.end; y++)
        {
            Point2f* row = result.ptr<Point2f>(y);
            const double cellY = pixelToCell(y, f.rows, size1.height);
            for (int x = 0; x < size1.width; x++)
                row[x] = targetPixel(f, pixelToCell(x, f.cols, size1.width), cellY, grid2, size2) - Point2f((float)x, (float)y);
        }
    });
    result.copyTo(flow);
}

void transferPoints(InputArray field, const Size& size1, const Size& grid2, const Size& size2, InputArray points1,
                    OutputArray points2)
{
    CV_INSTRUMENT_REGION();
    const Mat f = getField(field, "field"), points = getPoints(points1, "points1");
    checkSize(size1, "size1");
    checkSize(grid2, "grid2");
    checkSize(size2, "size2");
    Mat result(points.rows, 1, CV_32FC2);
    for (int i = 0; i < points.rows; i++)
    {
        const Point2f p = points.at<Point2f>(i);
        result.at<Point2f>(i) = targetPixel(f, pixelToCell(p.x, f.cols, size1.width),
                                            pixelToCell(p.y, f.rows, size1.height), grid2, size2);
    }
    result.copyTo(points2);
}

}}
