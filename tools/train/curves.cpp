// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "curves.hpp"

#include <algorithm>

#include "opencv2/imgcodecs.hpp"
#include "opencv2/imgproc.hpp"
#include "file_io.hpp"

namespace train {

namespace {

const cv::Scalar BLACK(40, 40, 40), GREY(225, 225, 225);
const cv::Scalar COLOURS[] = { cv::Scalar(190, 110, 30), cv::Scalar(60, 140, 60), cv::Scalar(40, 60, 200) };

// Axes in a part of a picture
class Plot
{
public:
    // steps: right end of the x axis; low, high: ends of the y axis
    Plot(const cv::Mat& canvas_, const std::string& title, int steps_, double low_, double high_)
        : canvas(canvas_), steps(steps_), low(low_), high(high_), area(60, 30, canvas_.cols - 80, canvas_.rows - 60)
    {
        enum { TICKS = 5 };
        for (int i = 0; i <= TICKS; i++)
        {
            const double y = low + (high - low) * i / TICKS;
            const int x = steps * i / TICKS;
            cv::line(canvas, place(0, y), place(steps, y), GREY);
            text(cv::format("%.2f", y), place(0, y) + cv::Point(-48, 4), BLACK);
            text(cv::format("%d", x), place(x, low) + cv::Point(-12, 18), BLACK);
        }
        text(title, cv::Point(area.x, 20), BLACK);
    }

    void curve(const std::vector<cv::Point2d>& points, const cv::Scalar& colour)
    {
        for (size_t i = 0; i + 1 < points.size(); i++)
            cv::line(canvas, place(points[i].x, points[i].y), place(points[i + 1].x, points[i + 1].y), colour, 2, cv::LINE_AA);
        if (points.size() == 1)
            cv::circle(canvas, place(points[0].x, points[0].y), 3, colour, cv::FILLED, cv::LINE_AA);
    }

    void text(const std::string& s, const cv::Point& at, const cv::Scalar& colour)
    {
        cv::putText(canvas, s, at, cv::FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv::LINE_AA);
    }

private:
    cv::Point place(double x, double y) const
    {
        const double u = x / steps, v = (std::min(std::max(y, low), high) - low) / (high - low);
        return cv::Point(area.x + cvRound(u * area.width), area.y + area.height - cvRound(v * area.height));
    }

    cv::Mat canvas;
    const int steps;
    const double low, high;
    const cv::Rect area;
};

}

// Means over as many steps as make the curve readable
static std::vector<cv::Point2d> smoothed(const std::vector<double>& values)
{
    const size_t window = std::max(values.size() / 100, (size_t)1);
    std::vector<cv::Point2d> points;
    for (size_t i = 0; i + window <= values.size(); i += window)
    {
        double sum = 0;
        for (size_t j = i; j < i + window; j++)
            sum += values[j];
        points.push_back(cv::Point2d(i + window / 2., sum / window));
    }
    return points;
}

void drawCurves(const std::string& file, const History& history, int steps)
{
    const std::vector<cv::Point2d> losses = smoothed(history.losses);
    double highest = 1e-9, lowest = losses.empty() ? 0 : losses[0].y, top = 0.1;
    for (const cv::Point2d& p : losses)
    {
        highest = std::max(highest, p.y);
        lowest = std::min(lowest, p.y);
    }
    for (const std::vector<double>& row : history.pck)
        for (const double value : row)
            top = std::max(top, value);
    cv::Mat canvas(700, 800, CV_8UC3, cv::Scalar::all(255));
    Plot upper(canvas.rowRange(0, 350), "loss", steps, std::floor(lowest), std::ceil(highest + 1e-9));
    upper.curve(losses, COLOURS[0]);
    if (!history.pck.empty())
    {
        Plot lower(canvas.rowRange(350, 700), "PCK of validation at", steps, 0, std::min(std::ceil(top * 10) / 10, 1.));
        static const char* const names[] = { "0.05", "0.1", "0.15" };
        for (size_t i = 0; i < history.pck[0].size() && i < 3; i++)
        {
            std::vector<cv::Point2d> points;
            for (size_t j = 0; j < history.pck.size(); j++)
                points.push_back(cv::Point2d(history.validated[j], history.pck[j][i]));
            lower.curve(points, COLOURS[i]);
            lower.text(names[i], cv::Point(220 + 50 * (int)i, 20), COLOURS[i]);
        }
    }
    std::vector<uchar> png;
    cv::imencode(".png", canvas, png);
    cv::semcorr::saveBytes(file, std::string(png.begin(), png.end()));
}

void writeLog(const std::string& file, const History& history)
{
    std::string text = "step,loss,pck0.05,pck0.1,pck0.15\n";
    size_t next = 0;
    for (size_t i = 0; i < history.losses.size(); i++)
    {
        text += cv::format("%d,%.6f", (int)i + 1, history.losses[i]);
        const bool measured = next < history.validated.size() && history.validated[next] == (int)i + 1;
        for (size_t j = 0; j < 3; j++)
            text += measured ? cv::format(",%.4f", history.pck[next][j]) : std::string(",");
        next += measured;
        text += "\n";
    }
    cv::semcorr::saveBytes(file, text);
}

}
