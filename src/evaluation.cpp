// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "evaluation.hpp"
#include "checks.hpp"
#include "utf8.hpp"

namespace cv { namespace semcorr {

ImagePair::ImagePair()
    : flip1(false), flip2(false), viewpoint(-1), scale(-1), truncation(-1), occlusion(-1), mirror(-1), leaked(-1)
{
}

void checkAlphas(const std::vector<double>& alphas)
{
    if (alphas.empty())
        CV_Error(Error::StsBadArg, "alphas is empty, expected at least one threshold");
    for (size_t i = 0; i < alphas.size(); i++)
        if (!(alphas[i] > 0 && alphas[i] <= DBL_MAX))
            CV_Error(Error::StsOutOfRange, format("alphas[%d] is %g, expected a positive number", (int)i, alphas[i]));
}

void checkConvention(int reference, int flags)
{
    checkEnum(reference, REF_PADDED_BOX, "reference",
              "REF_IMAGE (0), REF_OBJECT_BOX (1), REF_KEYPOINT_BOX (2) or REF_PADDED_BOX (3)");
    checkEnum(flags, PCK_PER_POINT | PCK_LEGACY_SQUARE | PCK_2_TO_1, "flags",
              "a sum of PCK_PER_POINT (1), PCK_LEGACY_SQUARE (2) and PCK_2_TO_1 (4)");
}

// The image that is predicted in, in the coordinates of the convention
struct Target
{
    Mat points;     // N×1 CV_64FC2
    Point2d scale;  // from pixels
    double length;  // reference length
};

// Larger side of the box around `first` and the points
static double keypointBox(const Mat& points, const Point2d& first)
{
    Point2d low = first, high = first;
    for (int i = 0; i < points.rows; i++)
    {
        const Point2d p = points.at<Point2d>(i);
        low = Point2d(std::min(low.x, p.x), std::min(low.y, p.y));
        high = Point2d(std::max(high.x, p.x), std::max(high.y, p.y));
    }
    return std::max(high.x - low.x, high.y - low.y);
}

// Points of any layout as N×1 CV_64FC2; finite
static Mat pointsOf(const Mat& points, const String& name)
{
    const int n = points.checkVector(2, -1, false);
    if (n <= 0)
        CV_Error(Error::StsBadSize, format("%s is %s, expected N x 2 values with N of at least 1", name.c_str(),
                                           shapeOf(points).c_str()));
    Mat result;
    (points.isContinuous() ? points : points.clone()).reshape(2, n).convertTo(result, CV_64F);
    if (!cv::checkRange(result))
        CV_Error(Error::StsBadArg, format("%s holds coordinates that are not finite, expected finite ones", name.c_str()));
    return result;
}

// x becomes (x + 1) * scale in legacy squares, since the programs that have them take 1-based pixels
static Mat inSquare(const Mat& points, const Point2d& scale)
{
    Mat result(points.size(), points.type());
    for (int i = 0; i < points.rows; i++)
    {
        const Point2d p = points.at<Point2d>(i);
        result.at<Point2d>(i) = Point2d((p.x + 1) * scale.x, (p.y + 1) * scale.y);
    }
    return result;
}

static Target targetOf(const ImagePair& pair, const String& name, int reference, int flags)
{
    const int squareSide = 256;
    const bool first = (flags & PCK_2_TO_1) != 0, square = (flags & PCK_LEGACY_SQUARE) != 0;
    const Size size = first ? pair.size1 : pair.size2;
    const Rect2d box = first ? pair.box1 : pair.box2;
    const int number = first ? 1 : 2;
    if ((square || reference == REF_IMAGE) && size.empty())
        CV_Error(Error::StsBadArg, format("%s (\"%s\"): size%d is empty, expected the picture's, which this convention needs",
                                          name.c_str(), printable(pair.id).c_str(), number));
    if (reference == REF_OBJECT_BOX && !(box.width > 0 || box.height > 0))
        CV_Error(Error::StsBadArg, format("%s (\"%s\"): box%d is empty, expected the object's, which this convention needs",
                                          name.c_str(), printable(pair.id).c_str(), number));
    Target target;
    target.points = pointsOf(first ? pair.points1 : pair.points2, name + format(".points%d", number));
    target.scale = square ? Point2d((double)squareSide / size.width, (double)squareSide / size.height) : Point2d(1, 1);
    if (square)
        target.points = inSquare(target.points, target.scale);
    const double padding = square ? -1 : -2;  // -1 in 1-based coordinates
    switch (reference)
    {
    case REF_IMAGE:
        target.length = std::max(size.width * target.scale.x, size.height * target.scale.y);
        break;
    case REF_OBJECT_BOX:
        target.length = std::max(box.width * target.scale.x, box.height * target.scale.y);
        break;
    case REF_KEYPOINT_BOX:
        target.length = keypointBox(target.points, target.points.at<Point2d>(0));
        break;
    default:
        target.length = keypointBox(target.points, Point2d(padding, padding));
    }
    return target;
}

static std::vector<Mat> predictionsOf(InputArrayOfArrays predicted, size_t count)
{
    std::vector<Mat> result;
    if (predicted.isMat() && count == 1 && predicted.dims() <= 2)
        result.assign(1, predicted.getMat());
    else
        predicted.getMatVector(result);
    if (result.size() != count)
        CV_Error(Error::StsUnmatchedSizes, format("predicted has %d arrays, expected %d, one for each pair", (int)result.size(),
                                                  (int)count));
    return result;
}

PCKResult computePCK(const std::vector<ImagePair>& pairs, InputArrayOfArrays predicted, const std::vector<double>& alphas,
                     int reference, int flags)
{
    checkAlphas(alphas);
    checkConvention(reference, flags);
    const std::vector<Mat> predictions = predictionsOf(predicted, pairs.size());
    Mat points((int)pairs.size(), 1, CV_32S), correct = Mat::zeros((int)pairs.size(), (int)alphas.size(), CV_32S);
    for (int i = 0; i < (int)pairs.size(); i++)
    {
        const Target target = targetOf(pairs[i], format("pairs[%d]", i), reference, flags);
        Mat p = pointsOf(predictions[i], format("predicted[%d]", i));
        if (p.rows != target.points.rows)
            CV_Error(Error::StsUnmatchedSizes, format("predicted[%d] has %d points, expected %d as pairs[%d] (\"%s\")", i, p.rows,
                                                      target.points.rows, i, printable(pairs[i].id).c_str()));
        if (flags & PCK_LEGACY_SQUARE)
            p = inSquare(p, target.scale);
        points.at<int>(i) = p.rows;
        for (int k = 0; k < p.rows; k++)
        {
            const double distance = cv::norm(p.at<Point2d>(k) - target.points.at<Point2d>(k));
            for (int a = 0; a < correct.cols; a++)
                correct.at<int>(i, a) += distance <= alphas[a] * target.length;
        }
    }
    return summarizePCK(pairs, points, correct, alphas, reference, flags);
}

static void convertCells(InputArray points, OutputArray dst, const Size& size, const Size& grid, bool inverse)
{
    const Mat src = getPoints(points, "points");
    if (size.width < 2 || size.height < 2 || grid.width < 2 || grid.height < 2)
        CV_Error(Error::StsBadSize, format("size is %d x %d and grid %d x %d, expected sides of at least 2", size.width,
                                           size.height, grid.width, grid.height));
    // pixels from one cell to the next: of centred and of corner-aligned cells
    const Point2d cell((double)size.width / grid.width, (double)size.height / grid.height);
    const Point2d step((size.width - 1.) / (grid.width - 1), (size.height - 1.) / (grid.height - 1));
    dst.create(src.size(), CV_32FC2);
    Mat result = dst.getMat();
    for (int i = 0; i < src.rows; i++)
    {
        const Point2d p = src.at<Point2f>(i);
        if (inverse)
            result.at<Point2f>(i) = Point2d(((p.x + 0.5) / cell.x - 0.5) * step.x, ((p.y + 0.5) / cell.y - 0.5) * step.y);
        else
            result.at<Point2f>(i) = Point2d((p.x / step.x + 0.5) * cell.x - 0.5, (p.y / step.y + 0.5) * cell.y - 0.5);
    }
}

void fromCornerAligned(InputArray points, OutputArray dst, const Size& size, const Size& grid)
{
    convertCells(points, dst, size, grid, false);
}

void toCornerAligned(InputArray points, OutputArray dst, const Size& size, const Size& grid)
{
    convertCells(points, dst, size, grid, true);
}

}}
