// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Contact sheets of pairs

#ifndef OPENCV_SEMCORR_SAMPLES_EVALUATE_SHEETS_HPP
#define OPENCV_SEMCORR_SAMPLES_EVALUATE_SHEETS_HPP

#include <numeric>
#include "../draw.hpp"
#include "predictor.hpp"
#include "report.hpp"

namespace evaluate {

using namespace cv;

// Both pictures: numbered keypoints, and in the one that is predicted in, lines from the predictions to the true places
inline std::vector<Mat> drawPair(const Evaluation& e, size_t i, const Options& options, Predictor& predictor)
{
    const semcorr::ImagePair& pair = e.pairs[i];
    const Size box(480, 360);
    const Mat image1 = readPicture(pair.image1, pair.flip1), image2 = readPicture(pair.image2, pair.flip2);
    Matx23d toBox1, toBox2;
    Mat left = draw::fit(image1, box, &toBox1), right = draw::fit(image2, box, &toBox2);
    std::string shares;
    for (size_t a = 0; a < options.alphas.size(); a++)
        shares += format("%s: %.0f %%  ", shortest(options.alphas[a]).c_str(), 100 * e.result.perPair.at<double>((int)i, (int)a));
    if (options.dataset == "tss")
    {
        remap(image2, right, predictor.flow(pair), noArray(), INTER_LINEAR | WARP_RELATIVE_MAP, BORDER_REPLICATE);
        right = draw::fit(right, box);
    }
    const bool backwards = options.convention.backwards;
    for (int k = 0; k < (int)pair.points1.total(); k++)
    {
        const Point2f source = (backwards ? pair.points2 : pair.points1).at<Point2f>(k),
                      truth = (backwards ? pair.points1 : pair.points2).at<Point2f>(k),
                      predicted(e.values[i][2 * k], e.values[i][2 * k + 1]);
        const Matx23d &toSource = backwards ? toBox2 : toBox1, &toTarget = backwards ? toBox1 : toBox2;
        Mat &from = backwards ? right : left, &into = backwards ? left : right;
        const Scalar color = draw::positionColor(Point2d(std::cos(k * 2.4), std::sin(k * 2.4)));
        const Point p(Vec2d(toSource * Vec3d(source.x, source.y, 1))), q(Vec2d(toTarget * Vec3d(truth.x, truth.y, 1))),
                    r(Vec2d(toTarget * Vec3d(predicted.x, predicted.y, 1)));
        circle(from, p, 5, color, FILLED, LINE_AA);
        line(into, q, r, color, 2, LINE_AA);
        circle(into, q, 7, color, 2, LINE_AA);
        circle(into, r, 4, color, FILLED, LINE_AA);
    }
    for (int thickness : { 3, 1 })  // dark on a bright edge
    {
        const Scalar color = Scalar::all(thickness == 3 ? 255 : 40);
        putText(left, pair.id, Point(6, box.height - 8), FONT_HERSHEY_SIMPLEX, 0.45, color, thickness, LINE_AA);
        putText(right, shares, Point(6, box.height - 8), FONT_HERSHEY_SIMPLEX, 0.45, color, thickness, LINE_AA);
    }
    return { left, right };
}

// Writes the best and the worst pairs by the mean of their shares over all alphas
inline void drawSheets(const Evaluation& e, const Options& options, Predictor& predictor)
{
    Mat quality;
    reduce(e.result.perPair, quality, 1, REDUCE_AVG);
    std::vector<size_t> order(e.pairs.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b)
                     { return quality.at<double>((int)a) > quality.at<double>((int)b); });
    const std::vector<std::string> titles = { "image 1", options.dataset == "tss" ? "image 2 warped onto it" : "image 2" };
    for (int worst = 0; worst < 2; worst++)
    {
        std::vector<std::vector<Mat> > rows;
        for (size_t i = 0; i < std::min(order.size(), (size_t)8); i++)
            rows.push_back(drawPair(e, order[i], options, predictor));
        const std::string file = options.visualize + "/" + e.method.name + (worst ? "_worst.jpg" : "_best.jpg");
        if (!imwrite(file, draw::contactSheet(rows, titles, 270)))
            throw std::runtime_error("cannot write " + file);
        std::reverse(order.begin(), order.end());
    }
}

}

#endif
