// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "versions.hpp"

#include <algorithm>

#include "opencv2/imgproc.hpp"
#include "random.hpp"

namespace train {

// Photographs are warped further than labelled pictures, since nothing else makes their two versions differ.
static const double WARP_ZOOM_OUT = 0.6, WARP_ZOOM_IN = 1.5, WARP_ASPECT = 0.2, WARP_TURN = 0.35, WARP_SHIFT = 0.25;
static const double WARP_PERSPECTIVE = 0.1;  // change of scale from the middle to the border
static const double WARP_BEND = 0.09;        // standard deviation of the spline's displacements, shares of half a side
static const double ASPECT = 0.15, SHIFT = 0.15;
static const double GREY_SHARE = 0.15, BLUR_SHARE = 0.2, INSIDE_SHARE = 0.8;
static const int CANVAS_SIDE = 1024;         // pixels; larger pictures are made smaller before they are warped

std::string versionRecipe(const Options& o)
{
    return cv::format("versions 1: flips %d zoom %.10g %.10g turn %.10g colour %.10g", (int)o.flips, o.zoomOut, o.zoomIn, o.turn, o.colour);
}

static cv::Mat makeCanvas(const cv::Mat& picture)
{
    const double scale = (double)CANVAS_SIDE / std::max(picture.cols, picture.rows);
    if (scale >= 1)
        return picture;
    static const double LEAST = 2;  // pixels of a side, as FeatureNet wants them
    cv::Mat canvas;
    cv::resize(picture, canvas, cv::Size(), std::max(scale, LEAST / picture.cols), std::max(scale, LEAST / picture.rows), cv::INTER_AREA);
    return canvas;
}

static cv::Mat recolour(const cv::Mat& image, cv::RNG& rng, double range)
{
    cv::Mat x, grey;
    image.convertTo(x, CV_32F);
    const bool isGrey = rng.uniform(0., 1.) < GREY_SHARE, isBlurred = rng.uniform(0., 1.) < BLUR_SHARE;
    const double contrast = rng.uniform(1 - range, 1 + range), brightness = rng.uniform(1 - range, 1 + range);
    const double saturation = isGrey ? 0 : rng.uniform(1 - range, 1 + range);
    cv::cvtColor(x, grey, cv::COLOR_BGR2GRAY);
    cv::cvtColor(grey, grey, cv::COLOR_GRAY2BGR);
    cv::addWeighted(x, saturation, grey, 1 - saturation, 0, x);
    const double mean = cv::mean(grey)[0];
    cv::Mat result;
    x.convertTo(result, CV_8U, contrast * brightness, mean * (1 - contrast) * brightness);
    if (isBlurred)
    {
        cv::Mat half;
        cv::resize(result, half, cv::Size(), 0.5, 0.5, cv::INTER_AREA);
        cv::resize(half, result, image.size(), 0, 0, cv::INTER_LINEAR);
    }
    return result;
}

static cv::Matx33d translation(const cv::Point2d& t)
{
    return cv::Matx33d(1, 0, t.x, 0, 1, t.y, 0, 0, 1);
}

static cv::Matx33d mirror(int width)
{
    return cv::Matx33d(-1, 0, width - 1, 0, 1, 0, 0, 0, 1);
}

// From the version to the canvas: turned and scaled about the point `from` of the canvas, which comes to `to`
static cv::Matx33d similarity(double scale, double aspect, double angle, const cv::Point2d& from, const cv::Point2d& to)
{
    const double c = std::cos(angle), s = std::sin(angle), sx = scale * std::sqrt(aspect), sy = scale / std::sqrt(aspect);
    return translation(from) * cv::Matx33d(sx * c, -sy * s, 0, sx * s, sy * c, 0, 0, 0, 1).inv() * translation(-to);
}

static bool showsPoints(const Warp& warp, const std::vector<cv::Point2f>& points)
{
    int inside = 0;
    for (const cv::Point2f& point : points)
    {
        cv::Point2d p;
        inside += warp.toVersion(point, p) && p.x >= 0 && p.y >= 0 && p.x <= warp.size().width - 1 && p.y <= warp.size().height - 1;
    }
    return inside >= INSIDE_SHARE * points.size();
}

// A random scaled, turned and shifted view with the annotated points near its middle; the whole canvas if none is found
static Warp randomView(const cv::Size& picture, const cv::Size& canvas, const std::vector<cv::Point2f>& points, bool mirrored,
                       cv::RNG& rng, const Options& options)
{
    const cv::Point2d middle((canvas.width - 1) / 2., (canvas.height - 1) / 2.);
    cv::Point2d centre = middle;
    if (!points.empty())
    {
        cv::Point2f low = points[0], high = points[0];
        for (const cv::Point2f& p : points)
        {
            low = cv::Point2f(std::min(low.x, p.x), std::min(low.y, p.y));
            high = cv::Point2f(std::max(high.x, p.x), std::max(high.y, p.y));
        }
        centre = rescalePoint((low + high) / 2, picture, canvas);
    }
    const cv::Matx33d flip = mirrored ? mirror(canvas.width) : cv::Matx33d::eye();
    for (int attempt = 0; attempt < 100; attempt++)
    {
        const double scale = std::exp(rng.uniform(std::log(options.zoomOut), std::log(options.zoomIn) + 1e-9));
        const double aspect = randomFactor(rng, ASPECT), angle = rng.uniform(-options.turn, options.turn + 1e-9);
        const cv::Point2d shift(canvas.width * rng.uniform(-SHIFT, SHIFT), canvas.height * rng.uniform(-SHIFT, SHIFT));
        const Warp warp(picture, canvas, similarity(scale, aspect, angle, centre, middle + shift) * flip);
        if (showsPoints(warp, points))
            return warp;
    }
    return Warp(picture, canvas, flip);
}

Version labelledVersion(const cv::Mat& picture, const std::vector<cv::Point2f>& points, int number, uint64_t seed,
                        const Options& options)
{
    const bool mirrored = options.flips && number % 2 == 1;
    if (number == 0)
        return Version{ picture, Warp(picture.size(), picture.size()) };
    if (number == 1 && mirrored)
    {
        Version version = { cv::Mat(), Warp(picture.size(), picture.size(), mirror(picture.cols)) };
        cv::flip(picture, version.image, 1);
        return version;
    }
    cv::RNG rng(mixSeed({ seed, RANDOM_VERSION, (uint64_t)number }));
    const cv::Mat canvas = makeCanvas(picture);
    const Warp warp = randomView(picture.size(), canvas.size(), points, mirrored, rng, options);
    return Version{ recolour(warp.apply(canvas), rng, options.colour), warp };
}

Version warpedVersion(const cv::Mat& picture, int number, uint64_t seed, const Options& options)
{
    if (number == 0)
        return Version{ picture, Warp(picture.size(), picture.size()) };
    cv::RNG rng(mixSeed({ seed, RANDOM_VERSION, (uint64_t)number }));
    const cv::Mat canvas = makeCanvas(picture);
    const cv::Size size = canvas.size();
    const cv::Point2d middle((size.width - 1) / 2., (size.height - 1) / 2.);
    const double scale = std::exp(rng.uniform(std::log(WARP_ZOOM_OUT), std::log(WARP_ZOOM_IN)));
    const double aspect = randomFactor(rng, WARP_ASPECT), angle = rng.uniform(-WARP_TURN, WARP_TURN);
    const cv::Point2d shift(middle.x * rng.uniform(-WARP_SHIFT, WARP_SHIFT), middle.y * rng.uniform(-WARP_SHIFT, WARP_SHIFT));
    cv::Matx33d perspective = cv::Matx33d::eye();
    perspective(2, 0) = rng.uniform(-WARP_PERSPECTIVE, WARP_PERSPECTIVE) / (size.width / 2.);
    perspective(2, 1) = rng.uniform(-WARP_PERSPECTIVE, WARP_PERSPECTIVE) / (size.height / 2.);
    perspective = translation(middle) * perspective * translation(-middle);
    std::vector<cv::Point2f> bend;
    for (int i = 0; i < Warp::LATTICE * Warp::LATTICE; i++)
    {
        const double dx = rng.gaussian(WARP_BEND) * size.width / 2, dy = rng.gaussian(WARP_BEND) * size.height / 2;
        bend.push_back(cv::Point2f((float)dx, (float)dy));
    }
    const Warp warp(picture.size(), size, similarity(scale, aspect, angle, middle, middle + shift) * perspective, bend);
    return Version{ recolour(warp.apply(canvas), rng, options.colour), warp };
}

}
