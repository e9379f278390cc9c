"""Which recipes there are, what each one needs, and the training runs that they make."""
import dataclasses
import pathlib

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / 'tools/train/recipes'
LEAVE_ONE_OUT = 'leave_one_out'  # runs of the default, each without one category


@dataclasses.dataclass(frozen=True)
class Recipe:
    title: str
    labels: bool = True
    photos: bool = False
    backbone: str = ''  # file name; empty: the embedded one
    start: str = ''  # recipe whose run with the same seed it begins with the adapter of
    modes: tuple = ('dense', 'patchmatch')  # ways to search that are measured
    every_seed: bool = True  # or the first one only


RECIPES = {
    'default': Recipe('PMNC, pairs and photos (default)', photos=True),
    'specialised': Recipe('PMNC, backbone\'s last blocks too (specialised)'),
    'photos': Recipe('PMNC, photos only', labels=False, photos=True),
    'pmnc': Recipe('PMNC'),
    'adapter': Recipe('adapter alone', modes=('dense',)),
    'ncnet_33': Recipe('NC-Net 3-3', start='adapter', modes=('dense',)),
    'ncnet_555': Recipe('NC-Net 5-5-5', start='adapter', modes=('dense',)),
    'ancnet': Recipe('ANC-Net A without self-similarities', start='adapter', modes=('dense',)),
    'resnet50': Recipe('PMNC, ResNet-50', backbone='resnet50_conv4.onnx'),
    'resnet50_mixed': Recipe('PMNC, ResNet-50, pairs and photos', photos=True, backbone='resnet50_conv4.onnx', every_seed=False),
}


@dataclasses.dataclass(frozen=True)
class Run:
    recipe: str
    seed: int
    without: str = ''  # category that is left out

    @property
    def name(self):
        return f'{self.recipe}-{self.seed}' + f'-without-{self.without}' * bool(self.without)


def missing(name, args):
    """The option that a recipe needs and that was not given; empty where there is none."""
    recipe = RECIPES['default' if name == LEAVE_ONE_OUT else name]
    if recipe.photos and not args.photos:
        return '--photos'
    return '--backbones' if recipe.backbone and not args.backbones else ''


def runs(names, seeds, categories):
    """All of the named recipes; with the first seed only where others cost too much."""
    return [Run(name, seed) for name in names if name != LEAVE_ONE_OUT
            for seed in (seeds if RECIPES[name].every_seed else seeds[:1])] + \
           [Run('default', seed, category) for category in categories for seed in seeds
            if LEAVE_ONE_OUT in names and len(categories) > 1]


def options(recipe):
    """What a recipe's file says: {name: value}"""
    lines = (line.split('#')[0].strip() for line in (FOLDER / f'{recipe}.yml').read_text(encoding='utf-8').splitlines())
    return {name: value.strip(' "') for name, value in (line.split(':', 1) for line in lines if line)}
