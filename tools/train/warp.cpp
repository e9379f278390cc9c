// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "warp.hpp"

#include "opencv2/imgproc.hpp"

namespace train {

enum { NODES = Warp::LATTICE * Warp::LATTICE };

cv::Point2d rescalePoint(const cv::Point2d& p, const cv::Size& from, const cv::Size& to)
{
    return cv::Point2d((p.x + 0.5) * to.width / from.width - 0.5, (p.y + 0.5) * to.height / from.height - 0.5);
}

// Lattice points in [-1, 1]^2, row by row
static cv::Point2d node(int i)
{
    return cv::Point2d(2. * (i % Warp::LATTICE) / (Warp::LATTICE - 1) - 1, 2. * (i / Warp::LATTICE) / (Warp::LATTICE - 1) - 1);
}

// The thin-plate spline's r^2 log r
static double radial(const cv::Point2d& d)
{
    const double r2 = d.dot(d);
    return r2 > 0 ? 0.5 * r2 * std::log(r2) : 0;
}

// The matrix that turns 16 displacements and three zeros into the spline's weights
static cv::Mat_<double> solver()
{
    cv::Mat_<double> system = cv::Mat_<double>::zeros(NODES + 3, NODES + 3);
    for (int i = 0; i < NODES; i++)
    {
        for (int j = 0; j < NODES; j++)
            system(i, j) = radial(node(i) - node(j));
        system(i, NODES) = system(NODES, i) = 1;
        system(i, NODES + 1) = system(NODES + 1, i) = node(i).x;
        system(i, NODES + 2) = system(NODES + 2, i) = node(i).y;
    }
    return system.inv();
}

Warp::Warp(const cv::Size& picture, const cv::Size& canvas) : Warp(picture, canvas, cv::Matx33d::eye())
{
}

Warp::Warp(const cv::Size& picture, const cv::Size& canvas, const cv::Matx33d& matrix_, const std::vector<cv::Point2f>& bend_)
    : sourceSize(picture), canvasSize(canvas), matrix(matrix_), bend(bend_)
{
    prepare();
}

Warp::Warp(const std::vector<double>& numbers)
{
    CV_CheckEQ((int)numbers.size(), (int)NUMBERS, "numbers of a warp");
    sourceSize = cv::Size((int)numbers[0], (int)numbers[1]);
    canvasSize = cv::Size((int)numbers[2], (int)numbers[3]);
    matrix = cv::Matx33d(&numbers[4]);
    for (int i = 13; i < NUMBERS; i += 2)
        bend.push_back(cv::Point2f((float)numbers[i], (float)numbers[i + 1]));
    prepare();
}

std::vector<double> Warp::toNumbers() const
{
    std::vector<double> numbers = { (double)sourceSize.width, (double)sourceSize.height, (double)canvasSize.width,
                                    (double)canvasSize.height };
    numbers.insert(numbers.end(), matrix.val, matrix.val + 9);
    for (const cv::Point2f& d : bend)
    {
        numbers.push_back(d.x);
        numbers.push_back(d.y);
    }
    numbers.resize(NUMBERS, 0.);
    return numbers;
}

void Warp::prepare()
{
    static const cv::Mat_<double> solve = solver();
    inverse = matrix.inv();
    spline.clear();
    bool flat = true;
    for (const cv::Point2f& d : bend)
        flat = flat && d == cv::Point2f();
    if (flat)
    {
        bend.clear();
        return;
    }
    CV_CheckEQ((int)bend.size(), (int)NODES, "displacements of a warp");
    for (int i = 0; i < NODES + 3; i++)
    {
        cv::Point2d weight;
        for (int j = 0; j < NODES; j++)
            weight += solve(i, j) * cv::Point2d(bend[j]);
        spline.push_back(weight);
    }
}

cv::Point2d Warp::bent(const cv::Point2d& p) const
{
    if (spline.empty())
        return p;
    const cv::Point2d x(2 * (p.x + 0.5) / canvasSize.width - 1, 2 * (p.y + 0.5) / canvasSize.height - 1);
    cv::Point2d moved = p + spline[NODES] + spline[NODES + 1] * x.x + spline[NODES + 2] * x.y;
    for (int i = 0; i < NODES; i++)
        moved += spline[i] * radial(x - node(i));
    return moved;
}

static cv::Point2d project(const cv::Matx33d& m, const cv::Point2d& p)
{
    const cv::Vec3d q = m * cv::Vec3d(p.x, p.y, 1);
    return cv::Point2d(q[0] / q[2], q[1] / q[2]);
}

cv::Point2d Warp::toPicture(const cv::Point2d& p) const
{
    return rescalePoint(project(matrix, bent(p)), canvasSize, sourceSize);
}

bool Warp::toVersion(const cv::Point2d& p, cv::Point2d& version) const
{
    const double tolerance = 0.1;  // pixels
    const cv::Point2d wanted = project(inverse, rescalePoint(p, sourceSize, canvasSize));
    version = wanted;
    for (int i = 0; i < 50; i++)
    {
        const cv::Point2d error = wanted - bent(version);
        if (std::abs(error.x) + std::abs(error.y) < tolerance)
            return true;
        version += error;
    }
    return false;
}

cv::Mat Warp::apply(const cv::Mat& canvas) const
{
    CV_Assert(canvas.size() == canvasSize);
    cv::Mat map(canvasSize, CV_32FC2), version;
    cv::parallel_for_(cv::Range(0, map.rows), [&](const cv::Range& range)
    {
        for (int y = range.start; y < range.end; y++)
            for (int x = 0; x < map.cols; x++)
                map.at<cv::Point2f>(y, x) = project(matrix, bent(cv::Point2d(x, y)));
    });
    cv::remap(canvas, version, map, cv::noArray(), cv::INTER_LINEAR, cv::BORDER_REFLECT_101);
    return version;
}

}
