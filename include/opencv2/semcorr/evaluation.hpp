// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#ifndef OPENCV_SEMCORR_EVALUATION_HPP
#define OPENCV_SEMCORR_EVALUATION_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

//! @addtogroup semcorr
//! @{

/** @brief A pair of pictures with annotated correspondences, from readPairs or filled in by hand.

Coordinates are 0-based pixels, an integer being the centre of a pixel, whatever the data set uses. Pictures must be read as
they are stored, without turning them by their Exif orientation (`IMREAD_COLOR | IMREAD_IGNORE_ORIENTATION`). */
struct CV_EXPORTS_W_SIMPLE ImagePair
{
    CV_WRAP ImagePair();

    CV_PROP_RW String id;       //!< names the pair; unique within a list, or empty (its number is taken)
    CV_PROP_RW String image1;   //!< path of the first picture (source), beginning with the root given to readPairs
    CV_PROP_RW String image2;   //!< path of the second picture (target)
    CV_PROP_RW String category; //!< name of the object class; "" if there are none
    CV_PROP_RW Mat points1;     //!< Nx1 `CV_32FC2`, keypoints in image 1; only those visible in both; empty for TSS and "images"
    CV_PROP_RW Mat points2;     //!< Nx1 `CV_32FC2`, the same in image 2
    CV_PROP_RW Rect2d box1;     //!< box of the object in image 1, width = xmax - xmin as in published programs; empty: unknown
    CV_PROP_RW Rect2d box2;     //!< box of the object in image 2
    CV_PROP_RW Size size1;      //!< of image 1 in pixels; empty: unknown
    CV_PROP_RW Size size2;      //!< of image 2
    CV_PROP_RW bool flip1;      //!< image 1 is to be mirrored (left and right) before use; points and box are of the mirrored one
    CV_PROP_RW bool flip2;      //!< the same for image 2
    CV_PROP_RW int viewpoint;   //!< change of viewpoint: 0 easy, 1 medium, 2 hard; -1: unknown
    CV_PROP_RW int scale;       //!< change of scale: 0 easy, 1 medium, 2 hard; -1: unknown
    CV_PROP_RW int truncation;  //!< truncated object: 0 in none, 1 in image 1, 2 in image 2, 3 in both; -1: unknown
    CV_PROP_RW int occlusion;   //!< occluded object: levels as of truncation
    CV_PROP_RW int mirror;      //!< SPair-71k's field of that name; -1: unknown
    CV_PROP_RW int leaked;      //!< test pair whose two pictures are also a training pair, in any order: 0, 1; -1: unknown
    CV_PROP_RW String flow;     //!< TSS: path of the true flow from image 1 to image 2 (readFlow); "": none
    CV_PROP_RW String mask1;    //!< TSS: path of the mask of the object in image 1
    CV_PROP_RW String mask2;    //!< TSS: path of the mask of the object in image 2
};

//! Which length a distance is compared with. It is taken in the image that is predicted in: image 2, or 1 with PCK_2_TO_1.
enum PCKReference
{
    REF_IMAGE = 0,        //!< max(width, height) of the image (usual for PF-PASCAL @cite Han2017)
    REF_OBJECT_BOX = 1,   //!< max(width, height) of the object's box (SPair-71k @cite Min2019)
    REF_KEYPOINT_BOX = 2, //!< larger side of the box around the pair's true keypoints (PF-WILLOW @cite Ham2016, "bbox-kp")
    REF_PADDED_BOX = 3    //!< legacy ("bbox" of PF-WILLOW): as REF_KEYPOINT_BOX with one more point at (-1, -1) in 1-based
                          //!< coordinates, since lists of keypoints are padded with -1 (CATs @cite Cho2021); so figures are higher
};

//! How computePCK counts; values can be added
enum PCKFlags
{
    PCK_PER_POINT = 1,     //!< every keypoint counts the same; without it every pair does ("per image", the usual one)
    PCK_LEGACY_SQUARE = 2, //!< coordinates in pictures resized to squares of 256 x 256 instead of original pixels
    PCK_2_TO_1 = 4         //!< predictions are in image 1, for points2 (NC-Net @cite Rocco2018); else in image 2, for points1
};

/** @brief What computePCK returns. Shares are in [0, 1]; P pairs, A alphas, C categories, R levels of nuisances.

All tables follow from ids, pairCategories, points and correct; summarizePCK computes them. */
struct CV_EXPORTS_W_SIMPLE PCKResult
{
    CV_WRAP PCKResult();

    CV_PROP_RW std::vector<double> alphas;       //!< thresholds, as given
    CV_PROP_RW int reference;                    //!< PCKReference
    CV_PROP_RW int flags;                        //!< PCKFlags
    CV_PROP_RW std::vector<double> mean;         //!< A: mean over the categories; without categories the same as overall
    CV_PROP_RW std::vector<double> overall;      //!< A: mean over all pairs, or all points with PCK_PER_POINT
    CV_PROP_RW std::vector<String> categories;   //!< C, in alphabetical order
    CV_PROP_RW Mat perCategory;                  //!< CxA `CV_64F`
    CV_PROP_RW std::vector<int> categoryPairs;   //!< C: number of pairs
    CV_PROP_RW std::vector<String> nuisances;    //!< R: "viewpoint", "scale", "truncation", "occlusion", each once for every level
    CV_PROP_RW std::vector<int> nuisanceLevels;  //!< R: level, see ImagePair
    CV_PROP_RW Mat perNuisance;                  //!< RxA `CV_64F`: mean over the pairs (or points) of this level
    CV_PROP_RW std::vector<int> nuisancePairs;   //!< R: number of pairs
    CV_PROP_RW std::vector<String> ids;          //!< P: ImagePair::id
    CV_PROP_RW std::vector<int> pairCategories;  //!< P: index into categories
    CV_PROP_RW Mat pairLevels;                   //!< Px4 `CV_32S`: viewpoint, scale, truncation, occlusion of each pair
    CV_PROP_RW Mat points;                       //!< Px1 `CV_32S`: number of keypoints of each pair
    CV_PROP_RW Mat correct;                      //!< PxA `CV_32S`: how many of them are correct
    CV_PROP_RW Mat perPair;                      //!< PxA `CV_64F`: correct / points
};

/** @brief Confidence intervals of a PCKResult: lower and upper end of each figure, as two channels. */
struct CV_EXPORTS_W_SIMPLE PCKIntervals
{
    CV_WRAP PCKIntervals();

    CV_PROP_RW Mat mean;        //!< Ax1 `CV_64FC2`
    CV_PROP_RW Mat overall;     //!< Ax1 `CV_64FC2`
    CV_PROP_RW Mat perCategory; //!< CxA `CV_64FC2`
    CV_PROP_RW Mat perNuisance; //!< RxA `CV_64FC2`
};

/** @brief What comparePCK returns: how much result 2 is better than result 1 on the pairs that both have. */
struct CV_EXPORTS_W_SIMPLE PCKComparison
{
    CV_WRAP PCKComparison();

    CV_PROP_RW int pairs;                       //!< number of pairs compared
    CV_PROP_RW std::vector<double> mean;        //!< A: difference (2 - 1) of the means over the categories
    CV_PROP_RW Mat meanInterval;                //!< Ax1 `CV_64FC2`: its confidence interval
    CV_PROP_RW std::vector<double> meanP;       //!< A: two-sided p-value of its being 0
    CV_PROP_RW std::vector<double> overall;     //!< A: difference (2 - 1) of the means over all pairs (or points)
    CV_PROP_RW Mat overallInterval;             //!< Ax1 `CV_64FC2`
    CV_PROP_RW std::vector<double> overallP;    //!< A
    CV_PROP_RW std::vector<int> better;         //!< A: number of pairs of which result 2 has more points correct
    CV_PROP_RW std::vector<int> worse;          //!< A: number of pairs of which result 1 has
};

/** @brief Reads the pairs of a data set as it is downloaded.

- "csv": the plain list below. split is a list file, relative to root or else to the current folder; without ".csv" at its end
  `<split>_pairs.csv` is meant. Pictures are where the list says, relative to root.
- "images": such a list of pictures alone, for training without annotations; columns of keypoints are not read. ImagePair::points1
  and points2 are empty then, and computePCK() throws for such pairs.
- "pfpascal" (PF-PASCAL @cite Ham2018): split is "train" ("trn"), "val" or "test". Root holds `{train,val,test}_pairs.csv`, perhaps
  in `image_pairs/`, and `JPEGImages/` and `Annotations/<class>/<name>.mat`, perhaps in `PF-dataset-PASCAL/`. The test list holds
  the keypoints itself; train and val need the annotations.
- "pfwillow" (PF-WILLOW @cite Ham2016): split is "test". Root holds `test_pairs.csv`, perhaps in `image_pairs/`, and
  `<class>/<name>.png`, perhaps in `PF-dataset/`.
- "spair" (SPair-71k @cite Min2019): split is "trn" ("train"), "val" or "test", or "small/trn" etc. for the small layout instead of
  the large one. Root holds `Layout/{large,small}/<split>.txt`, `PairAnnotation/<split>/<pair>.json` and
  `JPEGImages/<class>/<name>.jpg`.
- "tss" (TSS @cite Taniai2016): split is "" (all), "FG3DCar", "JODS" or "PASCAL". Root holds `<split>/<pair>/` with `image1.png`,
  `flow1.flo`, `mask1.png`, the same with 2, and `flip_gt.txt`.

**Plain CSV.** The first line names the columns, each further one is a pair. Columns are found by their names: `imageA` and `imageB`
(paths relative to root), optionally `category`, and the keypoints as `XA1`...`XAn`, `YA1`...`YAn`, `XB1`...`XBn`, `YB1`...`YBn`
(0-based pixels; empty or `nan`: not visible). Without `category`, the folder of the first picture is taken.

**Coordinates.** Keypoints and boxes of PF-PASCAL and PF-WILLOW are taken as 1-based, as the authors of NC-Net @cite Rocco2018 do,
and shifted by -1; other programs take them as they are. Those of SPair-71k and of a plain CSV are not shifted.

**Pairs.** PF-PASCAL's training list has pairs of which both pictures are to be mirrored: ImagePair::flip1 and flip2. TSS gives
two pairs for each folder, 1 to 2 and 2 to 1, with ids `.../1to2` and `.../2to1`; where `flip_gt.txt` says 1, the flow points into
the mirrored second picture: flip2. Mirroring is left to the caller. A pair without any keypoint visible in both pictures is an
error, except for "images".

Throws cv::Exception naming file and line for a missing folder, file or picture, or a malformed line. Sizes of pictures are
taken from the head of the file (JPEG, PNG; others stay unknown) or from the annotation (SPair-71k).

@param dataset "csv", "images", "pfpascal", "pfwillow", "spair" or "tss"
@param root folder of the data set
@param split part of the data set, see above
@param pairs the pairs in the order of the list */
CV_EXPORTS_W void readPairs(const String& dataset, CV_WRAP_FILE_PATH const String& root, const String& split,
                            CV_OUT std::vector<ImagePair>& pairs);

/** @brief All problems that readPairs would throw for, one after the other, not only the first.
@param dataset as in readPairs
@param root as in readPairs
@param split as in readPairs
@return one text for each problem, with file and line; empty when there are none */
CV_EXPORTS_W std::vector<String> checkDataset(const String& dataset, CV_WRAP_FILE_PATH const String& root, const String& split);

/** @brief Percentage of correct keypoints @cite Yang2013, by the convention that is asked for.

Keypoint i of a pair with prediction p and true position q is correct at threshold alpha if
\f[\sqrt{(p_x-q_x)^2+(p_y-q_y)^2} \le \alpha \cdot L\f]
where L is the reference length of the pair. Published figures differ in L, in how points are averaged and in the coordinates:

- *per image* (default): the share of each pair's points, then the mean over pairs; *per point* (PCK_PER_POINT): all points alike;
- *original pixels* (default), or all positions and boxes first scaled to squares of 256 x 256 (PCK_LEGACY_SQUARE: x becomes
  (x + 1) * 256 / width, since those programs scale 1-based pixels), which changes distances where pictures are not square; the
  side of the square cancels out except for REF_PADDED_BOX (256 is that of CATs @cite Cho2021);
- *direction* 1 to 2 (source to target, default) or 2 to 1 (PCK_2_TO_1).

Computed in double precision; a distance equal to the threshold is correct.

@param pairs pairs with keypoints
@param predicted one array for each pair: Nx2 values or Nx1 with two channels, any depth, N of its keypoints, finite;
positions in image 2 of points1, or in image 1 of points2 with PCK_2_TO_1
@param alphas thresholds, positive, at least one
@param reference PCKReference
@param flags sum of PCKFlags
Throws where a pair lacks what the reference needs (REF_OBJECT_BOX: box, REF_IMAGE and PCK_LEGACY_SQUARE: size). */
CV_EXPORTS_W PCKResult computePCK(const std::vector<ImagePair>& pairs, InputArrayOfArrays predicted,
                                  const std::vector<double>& alphas, int reference = REF_KEYPOINT_BOX, int flags = 0);

/** @brief The figures of a PCKResult from counts: for results read back from a file, for parts of a result, and for counts of
pixels (countCorrectFlow). computePCK ends with it.
@param pairs as many as counts; only id, category and nuisances are used, and ids must differ
@param points P `CV_32S` values: keypoints or pixels of each pair, at least 1
@param correct PxA `CV_32S`: how many are correct, in [0, points]
@param alphas A thresholds
@param reference PCKReference, only kept
@param flags PCKFlags; PCK_PER_POINT decides how to average, the others are only kept */
CV_EXPORTS_W PCKResult summarizePCK(const std::vector<ImagePair>& pairs, InputArray points, InputArray correct,
                                    const std::vector<double>& alphas, int reference = REF_KEYPOINT_BOX, int flags = 0);

/** @brief Confidence intervals of all figures by the percentile bootstrap @cite Efron1993 over pairs.

For each figure its pairs are drawn with replacement; for the mean over categories, within each category.
@param result of computePCK
@param resamples number of draws; [10, 1000000]
@param confidence share of the draws within the interval; in (0, 1)
@param seed of the draws; the same seed gives the same intervals */
CV_EXPORTS_W PCKIntervals bootstrapPCK(const PCKResult& result, int resamples = 1000, double confidence = 0.95, int seed = 0);

/** @brief Compares two results on the same pairs: the same draws of pairs for both (paired bootstrap).

Pairs are recognised by their ids; those that only one result has are left out. The p-value is twice the smaller share of draws
whose difference is not above, or not below, 0; at least 2 / resamples, at most 1.
@param result1 first result
@param result2 second result, with the same alphas, reference and flags
@param resamples number of draws; [10, 1000000]
@param confidence as in bootstrapPCK
@param seed of the draws
Throws where alphas or conventions differ or no pair is in both. */
CV_EXPORTS_W PCKComparison comparePCK(const PCKResult& result1, const PCKResult& result2, int resamples = 1000,
                                      double confidence = 0.95, int seed = 0);

/** @brief Pixels whose flow is right, as TSS @cite Taniai2016 is evaluated: the true flow is valid there, and the error of the
flow is at most alpha * max(width, height) of the *other* image. The usual alpha is 0.05. Call summarizePCK with the counts of all
pairs.
@param flow `CV_32FC2` of image 1's size, as Matcher::match gives it, into image 2 mirrored where ImagePair::flip2 says so
@param truth `CV_32FC2` of the same size, of readFlow
@param size2 size of image 2
@param alphas thresholds, positive, at least one
@param correct number of right pixels for each alpha
@param mask optional `CV_8U` of the same size: only pixels where it is not 0 count
@return number of pixels that count: those where truth is valid (finite and below 1e9) and mask not 0 */
CV_EXPORTS_W int countCorrectFlow(InputArray flow, InputArray truth, const Size& size2, const std::vector<double>& alphas,
                                  CV_OUT std::vector<int>& correct, InputArray mask = noArray());

/** @brief Reads a flow in the .flo format of the Middlebury data sets (TSS).
@param filename path of the file
@param flow `CV_32FC2`; unknown vectors have values of 1e9 or more
Throws for a missing or damaged file. */
CV_EXPORTS_W void readFlow(CV_WRAP_FILE_PATH const String& filename, OutputArray flow);

/** @brief Legacy cell convention of NC-Net @cite Rocco2018, before matching: the first cell lies on the first pixel and the last
cell on the last. Moves points of an image so that Matcher::transferKeypoints, whose cells are centred, sees them at the cells where
that convention has them: x becomes (x * (w - 1) / (W - 1) + 0.5) * W / w - 0.5 for w cells over W pixels.
@param points N points in pixels, any layout and depth that checkVector(2) takes
@param dst Nx1 `CV_32FC2`
@param size size of the image in pixels, both sides at least 2
@param grid size of its grid of features in cells, both sides at least 2 */
CV_EXPORTS_W void fromCornerAligned(InputArray points, OutputArray dst, const Size& size, const Size& grid);

/** @brief Legacy cell convention of NC-Net, after matching: the inverse of fromCornerAligned, for the transferred points.
@param points N points in pixels, any layout and depth that checkVector(2) takes
@param dst Nx1 `CV_32FC2`
@param size size of the image in pixels, both sides at least 2
@param grid size of its grid of features in cells, both sides at least 2 */
CV_EXPORTS_W void toCornerAligned(InputArray points, OutputArray dst, const Size& size, const Size& grid);

/** @brief SHA-256 (FIPS 180-4): names the model that a result was made with.
@param data bytes; may be null if size is 0
@param size number of bytes
@return 64 lower-case hexadecimal digits */
CV_EXPORTS String sha256(const void* data, size_t size);

//! @}
}}

#endif
