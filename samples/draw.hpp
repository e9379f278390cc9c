// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Pictures of a dense correspondence. Flow is CV_32FC2, confidence CV_32F, both of image 1's size; pictures are CV_8UC3.

#ifndef OPENCV_SEMCORR_SAMPLES_DRAW_HPP
#define OPENCV_SEMCORR_SAMPLES_DRAW_HPP

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>
#include "opencv2/imgproc.hpp"

namespace draw {

using namespace cv;

// Scales a picture as far as it fits into a box and centres it there on white. `toBox` gives the map of its pixels.
inline Mat fit(const Mat& image, const Size& box, Matx23d* toBox = 0)
{
    const double scale = std::min((double)box.width / image.cols, (double)box.height / image.rows);
    const Size size(std::max(1, cvRound(image.cols * scale)), std::max(1, cvRound(image.rows * scale)));
    const Rect place(Point((box.width - size.width) / 2, (box.height - size.height) / 2), size);
    const double sx = (double)size.width / image.cols, sy = (double)size.height / image.rows;
    if (toBox)  // pixel centres: x → (x + 0.5)·sx − 0.5
        *toBox = Matx23d(sx, 0, 0.5 * sx - 0.5 + place.x, 0, sy, 0.5 * sy - 0.5 + place.y);
    Mat boxed(box, CV_8UC3, Scalar::all(255)), inside = boxed(place);
    resize(image, inside, size, 0, 0, scale < 1 ? INTER_AREA : INTER_CUBIC);
    return boxed;
}

// The flow that the confident pixels agree on, for warps worth looking at: a match jumps where nothing corresponds. On a grid of
// 64×64, from coarse to fine, each place takes the mean around it, weighted by confidence and by agreement with the mean before.
inline Mat smoothFlow(const Mat& flow, const Mat& confidence)
{
    const Size grid(64, 64);
    const double longerSide = std::max(flow.cols, flow.rows);
    Mat coarse, certain, xy[2], sum, smooth;
    resize(flow, coarse, grid, 0, 0, INTER_AREA);
    resize(confidence, certain, grid, 0, 0, INTER_AREA);
    certain += 0.01;
    Mat weight = certain.clone();
    for (double sigma : { 0.3, 0.2, 0.14, 0.1 })  // of the side
    {
        GaussianBlur(weight, sum, Size(), sigma * grid.width);
        split(coarse, xy);
        for (Mat& m : xy)
        {
            GaussianBlur(m.mul(weight), m, Size(), sigma * grid.width);
            m /= sum;
        }
        merge(xy, 2, smooth);
        const Mat apart = (coarse - smooth) / (sigma * longerSide);
        split(apart.mul(apart), xy);
        exp(-(xy[0] + xy[1]), weight);
        weight = weight.mul(certain) + 1e-6;
    }
    resize(smooth, smooth, flow.size(), 0, 0, INTER_CUBIC);
    return smooth;
}

// Pixels of image 1 in falling confidence, at least half of the best, not too close to each other
inline std::vector<Point> confidentPoints(const Mat& confidence, int count)
{
    const int step = std::max(1, std::max(confidence.cols, confidence.rows) / 64);
    double best;
    minMaxLoc(confidence, 0, &best);
    std::vector<Point> candidates, chosen;
    for (int y = step / 2; y < confidence.rows; y += step)
        for (int x = step / 2; x < confidence.cols; x += step)
            if (confidence.at<float>(y, x) >= best / 2)
                candidates.push_back(Point(x, y));
    std::stable_sort(candidates.begin(), candidates.end(), [&](const Point& a, const Point& b)
                     { return confidence.at<float>(a) > confidence.at<float>(b); });
    const double apart = std::sqrt(confidence.total() / (8.0 * count));  // so that they cover an eighth of the picture
    for (size_t i = 0; i < candidates.size() && (int)chosen.size() < count; i++)
        if (std::all_of(chosen.begin(), chosen.end(), [&](const Point& p) { return norm(p - candidates[i]) >= apart; }))
            chosen.push_back(candidates[i]);
    return chosen;
}

// Hues go round from 0 to 180.
inline Scalar brightColor(double hue)
{
    Mat3b pixel(1, 1, Vec3b(saturate_cast<uchar>(std::fmod(hue, 180)), 215, 255));
    cvtColor(pixel, pixel, COLOR_HSV2BGR);
    return Scalar(pixel(0, 0));
}

// A colour for a position: hue by the direction from the middle
inline Scalar positionColor(const Point2d& fromMiddle)
{
    return brightColor(std::atan2(fromMiddle.y, fromMiddle.x) * 90 / CV_PI + 90);
}

// Filled, with a black rim
inline void dot(Mat& canvas, const Point& middle, int radius, const Scalar& color)
{
    circle(canvas, middle, radius + 1, Scalar::all(0), FILLED, LINE_AA);
    circle(canvas, middle, radius, color, FILLED, LINE_AA);
}

// Both images side by side, each in a box, with lines between the `count` most confident matches
inline Mat matches(const Mat& image1, const Mat& image2, const Mat& flow, const Mat& confidence, const Size& box, int count = 30)
{
    Matx23d toBox1, toBox2;
    const Mat left = fit(image1 * 0.75, box, &toBox1), right = fit(image2 * 0.75, box, &toBox2);  // darker: the lines stand out
    Mat canvas;
    hconcat(std::vector<Mat>{ left, Mat(box.height, 8, CV_8UC3, Scalar::all(255)), right }, canvas);
    toBox2(0, 2) += box.width + 8;

    const std::vector<Point> points = confidentPoints(confidence, count);
    Point2d middle(0, 0);
    for (size_t i = 0; i < points.size(); i++)
        middle += Point2d(points[i]) * (1.0 / points.size());
    for (int pass = 0; pass < 2; pass++)  // all the dots above all the lines
        for (size_t i = 0; i < points.size(); i++)
        {
            const Point2d from = points[i], to = from + Point2d(flow.at<Point2f>(points[i]));
            const Point p(Vec2d(toBox1 * Vec3d(from.x, from.y, 1))), q(Vec2d(toBox2 * Vec3d(to.x, to.y, 1)));
            const Scalar color = positionColor(from - middle);
            if (pass == 0)
                line(canvas, p, q, color, 1, LINE_AA);
            else
                for (const Point& end : { p, q })
                    dot(canvas, end, 4, color);
        }
    return canvas;
}

// The smallest box around points
inline Rect2f boxOf(const std::vector<Point2f>& points)
{
    Point2f low = points.at(0), high = low;
    for (const Point2f& p : points)
    {
        low = Point2f(std::min(low.x, p.x), std::min(low.y, p.y));
        high = Point2f(std::max(high.x, p.x), std::max(high.y, p.y));
    }
    return Rect2f(low, high);
}

// The part of a picture that shows points with some room around them
inline Rect partAround(const std::vector<Point2f>& points, const Size& image)
{
    const Rect2f inner = boxOf(points);
    const float room = std::max(16.f, std::max(inner.width, inner.height) / 3);
    return Rect(Point(inner.tl() - Point2f(room, room)), Point(inner.br() + Point2f(room, room))) & Rect(Point(), image);
}

// A part of a picture, with a ring at each of `wanted`, a dot at the one of `found` that belongs to it, and a line between them
inline Mat carriedPoints(const Mat& image, const Rect& part, const std::vector<Point2f>& wanted, const std::vector<Point2f>& found,
                         const Size& box)
{
    Matx23d toBox;
    Mat picture = fit(image(part) * 0.75, box, &toBox);  // darker: the points stand out
    const auto place = [&](const Point2f& p) { return Point(Vec2d(toBox * Vec3d(p.x - part.x, p.y - part.y, 1))); };
    for (int pass = 0; pass < 3; pass++)  // dots above rings above lines
        for (size_t i = 0; i < wanted.size(); i++)
        {
            const Scalar color = brightColor(180. * i / wanted.size());
            if (pass == 0)
                line(picture, place(wanted[i]), place(found[i]), color, 2, LINE_AA);
            else if (pass == 1)
                circle(picture, place(wanted[i]), 9, color, 2, LINE_AA);
            else
                dot(picture, place(found[i]), 5, color);
        }
    return picture;
}

// Hue is the direction, saturation the length: white does not move, vectors of the length `longest` are fully coloured; 0: the
// longest one is
inline Mat flowColors(const Mat& flow, double longest = 0)
{
    Mat xy[2], length, angle, hsv[3], picture;
    split(flow, xy);
    cartToPolar(xy[0], xy[1], length, angle, true);
    if (longest == 0)
        minMaxLoc(length, 0, &longest);
    angle.convertTo(hsv[0], CV_8U, 0.5);
    length.convertTo(hsv[1], CV_8U, 255 / std::max(longest, 1.));
    hsv[2] = Mat(flow.size(), CV_8U, Scalar(255));
    merge(hsv, 3, picture);
    cvtColor(picture, picture, COLOR_HSV2BGR);
    return picture;
}

// Dark is 0, bright is 1
inline Mat confidenceColors(const Mat& confidence)
{
    Mat picture;
    confidence.convertTo(picture, CV_8U, 255);
    applyColorMap(picture, picture, COLORMAP_VIRIDIS);
    return picture;
}

// Rows of pictures in boxes of one height under a row of titles; each column is as wide as its first picture's box.
inline Mat contactSheet(const std::vector<std::vector<Mat> >& rows, const std::vector<std::string>& titles, int height)
{
    const int gap = 8, header = 28;
    std::vector<int> left(1, gap);
    for (size_t c = 0; c < titles.size(); c++)
        left.push_back(left.back() + cvRound((double)height * rows[0][c].cols / rows[0][c].rows) + gap);
    Mat sheet(header + (int)rows.size() * (height + gap), left.back(), CV_8UC3, Scalar::all(255));
    for (size_t c = 0; c < titles.size(); c++)
        putText(sheet, titles[c], Point(left[c], 19), FONT_HERSHEY_SIMPLEX, 0.5, Scalar::all(40), 1, LINE_AA);
    for (size_t r = 0; r < rows.size(); r++)
        for (size_t c = 0; c < titles.size(); c++)
        {
            const Size box(left[c + 1] - left[c] - gap, height);
            fit(rows[r][c], box).copyTo(sheet(Rect(Point(left[c], header + (int)r * (height + gap)), box)));
        }
    return sheet;
}

}

#endif
